// Product of an element X and a weight W, as P_BITS of two's complement.
//
// KIND: 0 unsigned, 1 signed, 2 bipolar (one bit, 0 for -1), 3 ternary (two
// bits). A bipolar or ternary factor only selects x, -x or 0. P_BITS is at
// most the sum of both factors' signed widths; it must hold every product.
//
// W_KIND = 4: w is zero or a power of two with a sign. Its top bit is the sign;
// the others are the exponent less W_BASE, or all ones for zero. The element is
// shifted, nothing multiplied. P_BITS must hold x, too. FIXED = 1 changes its sign
// first and shifts then, so that behind a constant exponent there are only wires.
//
// MULT: 0 the tools decide what a multiplication becomes, 1 logic (written as
// additions, one for every bit of the shorter factor), 2 a DSP block (Yosys takes
// one for products of 9 bits or more). Combinational.
module hwc_mul #(
    parameter X_BITS = 4,  // bits of an element
    parameter X_KIND = 0,  // 0 unsigned, 1 signed, 2 bipolar, 3 ternary
    parameter W_BITS = 4,  // bits of a weight
    parameter W_KIND = 1,  // likewise, of a weight; 4 power of two
    parameter W_BASE = 0,  // least exponent of a power of two
    parameter FIXED  = 0,  // 1: w never changes
    parameter P_BITS = 8,  // bits of a product, signed
    parameter MULT   = 0   // 0 as the tools decide, 1 logic, 2 DSP block
) (
    input  wire [X_BITS-1:0] x,
    input  wire [W_BITS-1:0] w,
    output wire [P_BITS-1:0] p
);
    // Widths of the factors as signed numbers.
    localparam XV = (X_KIND == 0) ? X_BITS + 1 : (X_KIND == 2) ? 2 : X_BITS;
    localparam WV = (W_KIND == 0) ? W_BITS + 1 : (W_KIND == 2) ? 2 : W_BITS;
    localparam PV = (W_KIND == 4) ? P_BITS : XV + WV;

    wire signed [XV-1:0] xv;
    wire signed [WV-1:0] wv;
    wire signed [PV-1:0] full;

    generate
        if (X_KIND == 0) begin : gen_x_unsigned
            assign xv = {1'b0, x};
        end else if (X_KIND == 2) begin : gen_x_bipolar
            assign xv = {~x, 1'b1};
        end else begin : gen_x_signed
            assign xv = x;
        end
        if (W_KIND == 0) begin : gen_w_unsigned
            assign wv = {1'b0, w};
        end else if (W_KIND == 2) begin : gen_w_bipolar
            assign wv = {~w, 1'b1};
        end else begin : gen_w_signed
            assign wv = w;
        end
        // Minus is the complement and one more: an exclusive or in front of one carry chain.
        if (W_KIND == 4) begin : gen_shift
            localparam EB = W_BITS - 1;
            wire [PV-1:0] wide;
            wire [PV-1:0] moved [0:EB];
            wire [PV-1:0] carry = {{(PV-1){1'b0}}, wv[EB]};
            genvar i;
            for (i = 0; i < PV; i = i + 1) begin : gen_extend
                assign wide[i] = xv[(i < XV) ? i : XV - 1] & ~(&wv[EB-1:0]);
            end
            for (i = 0; i < EB; i = i + 1) begin : gen_stage
                assign moved[i+1] = wv[i] ? moved[i] << (1 << i) : moved[i];
            end
            if (FIXED != 0) begin : gen_sign_first
                assign moved[0] = (wide ^ {PV{wv[EB]}}) + carry;
                assign full = moved[EB] << W_BASE;
            end else begin : gen_sign_last
                assign moved[0] = wide;
                assign full = ((moved[EB] ^ {PV{wv[EB]}}) + carry) << W_BASE;
            end
        end else if (W_KIND >= 2) begin : gen_select_x
            wire [PV-1:0] wide   = {{(PV-XV){xv[XV-1]}}, xv};
            wire [PV-1:0] turned = (wide & {PV{wv[0]}}) ^ {PV{wv[1]}};
            wire [PV-1:0] carry  = {{(PV-1){1'b0}}, wv[1]};
            assign full = turned + carry;
        end else if (X_KIND >= 2) begin : gen_select_w
            wire [PV-1:0] wide   = {{(PV-WV){wv[WV-1]}}, wv};
            wire [PV-1:0] turned = (wide & {PV{xv[0]}}) ^ {PV{xv[1]}};
            wire [PV-1:0] carry  = {{(PV-1){1'b0}}, xv[1]};
            assign full = turned + carry;
        end else if (MULT == 1) begin : gen_add
            // Bit i of the shorter factor adds the longer one, shifted; its sign subtracts it.
            localparam NV = (XV < WV) ? XV : WV;
            localparam LV = PV - NV;
            wire [NV-1:0]        short;
            wire signed [LV-1:0] long;
            wire signed [PV-1:0] wide = {{(PV-LV){long[LV-1]}}, long};
            wire signed [PV-1:0] part [0:NV];
            genvar i;
            if (XV < WV) begin : gen_x_short
                assign short = xv;
                assign long  = wv;
            end else begin : gen_w_short
                assign short = wv;
                assign long  = xv;
            end
            assign part[0] = {PV{1'b0}};
            for (i = 0; i < NV; i = i + 1) begin : gen_row
                wire signed [PV-1:0] row = short[i] ? (wide <<< i) : {PV{1'b0}};
                assign part[i+1] = (i == NV - 1) ? part[i] - row : part[i] + row;
            end
            assign full = part[NV];
        end else begin : gen_multiply
            wire signed [PV-1:0] wide_x = {{(PV-XV){xv[XV-1]}}, xv};
            wire signed [PV-1:0] wide_w = {{(PV-WV){wv[WV-1]}}, wv};
            if (MULT == 2) begin : gen_dsp
                (* use_dsp = "yes" *)
                wire signed [PV-1:0] product;
                assign product = wide_x * wide_w;
                assign full = product;
            end else begin : gen_free
                assign full = wide_x * wide_w;
            end
        end
        if (PV > P_BITS) begin : gen_unused
            // Copies of the sign: P_BITS holds every product.
            wire unused = &{1'b0, full[PV-1:P_BITS]};
        end
    endgenerate

    assign p = full[P_BITS-1:0];
endmodule
