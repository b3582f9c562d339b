// Products of NW weights with NX elements from one wide multiplication, as a DSP
// block offers it: such a block is far wider than a low-bit factor.
//
// KIND: 0 unsigned, 1 signed (see hwc_mul). P_BITS holds every product in two's
// complement, SHIFT every product less one. The wide factors are
// sum(w[a] << (a * NX * SHIFT)) and sum(x[b] << (b * SHIFT)), so that every
// product has SHIFT bits of its own; a negative one borrows one from the field
// above it, which the bit below that field tells. p holds w[a] * x[b] at
// a * NX + b.
//
// The factors have (NW - 1) * NX * SHIFT + W_BITS + 1 and (NX - 1) * SHIFT +
// X_BITS + 1 bits and should fit the board's DSP block (25 x 18 for xc7). It is
// a plain multiplication, its own behavioural twin: every tool computes the
// same, with or without such blocks. Combinational.
module hwc_mul_pack #(
    parameter NW     = 2,   // weights
    parameter NX     = 1,   // elements
    parameter X_BITS = 8,   // bits of an element
    parameter X_KIND = 0,   // 0 unsigned, 1 signed
    parameter W_BITS = 8,   // bits of a weight
    parameter W_KIND = 1,   // likewise, of a weight
    parameter P_BITS = 16,  // bits of a product, signed
    parameter SHIFT  = 16   // distance of two fields in bits
) (
    input  wire [NX*X_BITS-1:0]    x,
    input  wire [NW*W_BITS-1:0]    w,
    output wire [NW*NX*P_BITS-1:0] p
);
    localparam XP = (NX - 1) * SHIFT + X_BITS + 1;
    localparam WP = (NW - 1) * NX * SHIFT + W_BITS + 1;
    localparam Y  = NW * NX * SHIFT;  // bits of the fields
    localparam M  = (XP + WP > Y) ? XP + WP : Y;

    wire signed [XP-1:0] packed_x;
    wire signed [WP-1:0] packed_w;

    hwc_pack #(.N(NX), .BITS(X_BITS), .KIND(X_KIND), .SHIFT(SHIFT)) pack_x (
        .v(x), .y(packed_x)
    );
    hwc_pack #(.N(NW), .BITS(W_BITS), .KIND(W_KIND), .SHIFT(NX*SHIFT)) pack_w (
        .v(w), .y(packed_w)
    );

    // One operation on signed factors of their own width: what tools map to a block.
    (* use_dsp = "yes" *)
    wire signed [M-1:0] wide;
    assign wide = packed_x * packed_w;

    genvar i;
    generate
        for (i = 0; i < NW * NX; i = i + 1) begin : gen_product
            if (i == 0) begin : gen_first
                assign p[P_BITS-1:0] = wide[P_BITS-1:0];
            end else begin : gen_next
                assign p[i*P_BITS +: P_BITS] =
                    wide[i*SHIFT +: P_BITS] + {{(P_BITS-1){1'b0}}, wide[i*SHIFT-1]};
            end
        end
    endgenerate
    wire unused = &{1'b0, wide};
endmodule
