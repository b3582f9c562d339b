// Stored form of LANES elements of one type to that of a wider type.
//
// KIND of the input: 0 unsigned, 1 signed (ternary, too), 2 bipolar (one bit,
// 0 for -1), 3 signed elements, all -1, that become bipolar ones. Where IN_BITS
// equals OUT_BITS nothing changes but for KIND 3.
// Combinational.
module hwc_cast #(
    parameter LANES    = 1,  // elements
    parameter IN_BITS  = 4,  // bits of an input element
    parameter KIND     = 0,  // 0 unsigned, 1 signed, 2 bipolar, 3 signed to bipolar
    parameter OUT_BITS = 4   // bits of an output element
) (
    input  wire [LANES*IN_BITS-1:0]  x,
    output wire [LANES*OUT_BITS-1:0] y
);
    genvar i;
    generate
        if (KIND == 3) begin : gen_turned
            assign y = ~x;
        end else if (IN_BITS == OUT_BITS) begin : gen_same
            assign y = x;
        end else begin : gen_wider
            for (i = 0; i < LANES; i = i + 1) begin : gen_lane
                wire [IN_BITS-1:0] v = x[i*IN_BITS +: IN_BITS];
                if (KIND == 2) begin : gen_bipolar
                    assign y[i*OUT_BITS +: OUT_BITS] = {{(OUT_BITS-1){~v[0]}}, 1'b1};
                end else if (KIND == 1) begin : gen_signed
                    assign y[i*OUT_BITS +: OUT_BITS] = {{(OUT_BITS-IN_BITS){v[IN_BITS-1]}}, v};
                end else begin : gen_unsigned
                    assign y[i*OUT_BITS +: OUT_BITS] = {{(OUT_BITS-IN_BITS){1'b0}}, v};
                end
            end
        end
    endgenerate
endmodule
