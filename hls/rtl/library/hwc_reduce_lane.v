// One step of a reduction: the larger one (SUM = 0), or the sum (SUM = 1), of
// the element x and what has been reduced before; x alone if it is the first.
//
// KIND of x: 0 unsigned, 1 signed, 2 bipolar. For the maximum OUT_BITS equals
// IN_BITS; for the sum it holds every result, modulo which inner overflow is
// harmless. Combinational.
module hwc_reduce_lane #(
    parameter IN_BITS  = 4,  // bits of an input element
    parameter KIND     = 0,  // of the input: 0 unsigned, 1 signed, 2 bipolar
    parameter SUM      = 0,  // 0 maximum, 1 sum
    parameter OUT_BITS = 4   // bits of a result
) (
    input  wire [IN_BITS-1:0]  x,
    input  wire [OUT_BITS-1:0] prior,
    input  wire                first,
    output wire [OUT_BITS-1:0] y
);
    generate
        if (SUM != 0) begin : gen_sum
            wire [OUT_BITS-1:0] value;
            if (KIND == 2 && OUT_BITS == 1) begin : gen_bit
                assign value = 1'b1;  // -1 and +1 modulo 2
                wire unused = &{1'b0, x};
            end else begin : gen_value
                hwc_cast #(
                    .LANES(1), .IN_BITS(IN_BITS), .KIND(KIND), .OUT_BITS(OUT_BITS)
                ) cast (.x(x), .y(value));
            end
            assign y = (first ? {OUT_BITS{1'b0}} : prior) + value;
        end else begin : gen_max
            wire larger;
            if (KIND == 1) begin : gen_signed
                assign larger = ($signed(x) > $signed(prior));
            end else begin : gen_unsigned
                assign larger = (x > prior);
            end
            assign y = (first | larger) ? x : prior;
        end
    endgenerate
endmodule
