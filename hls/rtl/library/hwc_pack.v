// N numbers side by side in one: sum(v[i] << (i * SHIFT)), for hwc_mul_pack.
//
// KIND: 0 unsigned, 1 signed. The result is signed and has one bit more in its
// top field than a number has, for the sign or for a borrow: a negative number
// borrows one from the field above, which costs a subtractor as narrow as a
// field. SHIFT is greater than BITS. Combinational.
module hwc_pack #(
    parameter N     = 2,  // numbers
    parameter BITS  = 4,  // bits of a number
    parameter KIND  = 1,  // 0 unsigned, 1 signed
    parameter SHIFT = 8   // distance of two fields in bits
) (
    input  wire [N*BITS-1:0]       v,
    output wire [(N-1)*SHIFT+BITS:0] y
);
    genvar i;
    generate
        for (i = 0; i < N; i = i + 1) begin : gen_field
            localparam W = (i == N - 1) ? BITS + 1 : SHIFT;
            wire [BITS-1:0] raw  = v[i*BITS +: BITS];
            wire            fill = (KIND != 0) & raw[BITS-1];
            wire [W-1:0]    wide = {{(W-BITS){fill}}, raw};
            if (i == 0 || KIND == 0) begin : gen_plain
                assign y[i*SHIFT +: W] = wide;
            end else begin : gen_borrow
                assign y[i*SHIFT +: W] = wide - {{(W-1){1'b0}}, y[i*SHIFT-1]};
            end
        end
    endgenerate
endmodule
