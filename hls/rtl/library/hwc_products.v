// All products of a matrix-vector engine in one beat.
//
// x: PIXELS vectors of SIMD elements, or of SIMD times PE with LANEWISE = 1, as
// hwc_mvu takes them. w: PE times SIMD weights, lane major. p: for every pixel,
// for every PE, SIMD products of P_BITS. KIND: see hwc_mul; bipolar times bipolar
// is not for this module.
//
// MULT: 0 the tools decide what a multiplication becomes, 1 logic, 2 a DSP block
// each, 3 DSP blocks that share: a block makes the products of PACK_W lanes with
// PACK_X pixels (see hwc_mul_pack for SHIFT). Lanes share an element only where
// LANEWISE is 0. Bipolar and ternary factors and powers of two never take a
// multiplier.
// Combinational.
module hwc_products #(
    parameter PE       = 1,  // output lanes
    parameter SIMD     = 1,  // products of a lane and beat
    parameter LANEWISE = 0,  // 1: every lane has inputs of its own (depthwise)
    parameter PIXELS   = 1,  // vectors side by side
    parameter X_BITS   = 4,  // bits of an element
    parameter X_KIND   = 0,  // 0 unsigned, 1 signed, 2 bipolar, 3 ternary
    parameter W_BITS   = 4,  // bits of a weight
    parameter W_KIND   = 1,  // likewise, of a weight; 4 power of two
    parameter W_BASE   = 0,  // least exponent of a power of two
    parameter FIXED    = 0,  // 1: weights never change
    parameter P_BITS   = 8,  // bits of a product, signed
    parameter MULT     = 0,  // 0 as the tools decide, 1 logic, 2 DSP, 3 shared DSP
    parameter PACK_W   = 1,  // weights of a shared multiplier
    parameter PACK_X   = 1,  // elements of a shared multiplier
    parameter SHIFT    = 8   // distance of two fields in bits
) (
    input  wire [PIXELS*((LANEWISE != 0) ? PE*SIMD : SIMD)*X_BITS-1:0] x,
    input  wire [PE*SIMD*W_BITS-1:0]                                   w,
    output wire [PIXELS*PE*SIMD*P_BITS-1:0]                            p
);
    localparam LANES = (LANEWISE != 0) ? PE * SIMD : SIMD;

    genvar i, j, a, b;
    generate
        if (MULT != 3 || X_KIND >= 2 || W_KIND >= 2) begin : gen_single
            for (i = 0; i < PIXELS * PE; i = i + 1) begin : gen_sums
                localparam LANE = i % PE;
                for (j = 0; j < SIMD; j = j + 1) begin : gen_simd
                    localparam XI = (i / PE) * LANES + ((LANEWISE != 0) ? j * PE + LANE : j);
                    hwc_mul #(
                        .X_BITS(X_BITS), .X_KIND(X_KIND), .W_BITS(W_BITS), .W_KIND(W_KIND),
                        .W_BASE(W_BASE), .FIXED(FIXED), .P_BITS(P_BITS), .MULT(MULT)
                    ) mul (
                        .x(x[XI*X_BITS +: X_BITS]),
                        .w(w[(LANE*SIMD+j)*W_BITS +: W_BITS]),
                        .p(p[(i*SIMD+j)*P_BITS +: P_BITS])
                    );
                end
            end
        end else begin : gen_packed
            // Blocks of PACK_W lanes and PACK_X pixels; the last ones may be smaller.
            for (i = 0; i < PE; i = i + PACK_W) begin : gen_lanes
                localparam NW = (PE - i < PACK_W) ? PE - i : PACK_W;
                for (b = 0; b < PIXELS; b = b + PACK_X) begin : gen_pixels
                    localparam NX = (PIXELS - b < PACK_X) ? PIXELS - b : PACK_X;
                    for (j = 0; j < SIMD; j = j + 1) begin : gen_simd
                        wire [NX*X_BITS-1:0]    xs;
                        wire [NW*W_BITS-1:0]    ws;
                        wire [NW*NX*P_BITS-1:0] ps;
                        for (a = 0; a < NX; a = a + 1) begin : gen_x
                            localparam XI = (b + a) * LANES + ((LANEWISE != 0) ? j * PE + i : j);
                            assign xs[a*X_BITS +: X_BITS] = x[XI*X_BITS +: X_BITS];
                        end
                        for (a = 0; a < NW; a = a + 1) begin : gen_w
                            assign ws[a*W_BITS +: W_BITS] = w[((i+a)*SIMD+j)*W_BITS +: W_BITS];
                        end
                        hwc_mul_pack #(
                            .NW(NW), .NX(NX), .X_BITS(X_BITS), .X_KIND(X_KIND),
                            .W_BITS(W_BITS), .W_KIND(W_KIND), .P_BITS(P_BITS), .SHIFT(SHIFT)
                        ) pack (.x(xs), .w(ws), .p(ps));
                        for (a = 0; a < NW * NX; a = a + 1) begin : gen_p
                            localparam PI = (b + a % NX) * PE + i + a / NX;
                            assign p[(PI*SIMD+j)*P_BITS +: P_BITS] = ps[a*P_BITS +: P_BITS];
                        end
                    end
                end
            end
        end
    endgenerate
endmodule
