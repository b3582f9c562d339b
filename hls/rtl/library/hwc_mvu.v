// Matrix-vector engine: PE output lanes, each the sum of SIMD products a beat.
//
// A vector arrives as BEATS beats of SIMD elements and gives one beat of PE
// sums; FOLDS vectors (output folds, and groups) go round, each with weights of
// its own. Replaying the input is the business of the module in front.
//
// With LANEWISE = 1 (depthwise) a beat carries SIMD times PE elements, and lane i
// sees element i of each PE only.
//
// PIXELS vectors may come side by side: they meet the same weights, and their
// sums leave side by side.
//
// With TAGGED = 1 the sums may have different numbers of beats: above its elements
// a beat carries the address of its weights (of WORDS in all) and, on top, whether
// it is the last one of a sum. BEATS is then the smallest number.
//
// KIND: 0 unsigned, 1 signed, 2 bipolar, 3 ternary; of a weight also 4, sign and
// exponent of a power of two (see hwc_mul). Without tags, bipolar and ternary
// factors alone are counted (hwc_signs). P_BITS, S_BITS: signed widths that hold
// every product and every sum of SIMD products (unused where they are counted).
// ACC_BITS: width of the result; inner overflow is harmless, as arithmetic is
// modulo 2**ACC_BITS.
// WEIGHTS: hex file of WORDS words of PE * SIMD elements, lane major.
// BIAS: hex file of FOLDS words of PE * ACC_BITS, used when HAS_BIAS = 1; where
// products are counted it is the bias minus BEATS * SIMD.
//
// MULT, PACK_W, PACK_X, SHIFT: see hwc_products. STYLE, RELOAD and the load ports:
// see hwc_weights; without RELOAD they are tied to 0.
//
// Contract: see hwc_skid. Timing: latency 5 from the last beat of a vector, one
// input beat a cycle; s_ready depends on registers only.
module hwc_mvu #(
    parameter PE       = 1,              // output lanes
    parameter SIMD     = 1,              // products of a lane and beat
    parameter LANEWISE = 0,              // 1: every lane has inputs of its own (depthwise)
    parameter PIXELS   = 1,              // vectors side by side
    parameter X_BITS   = 4,              // bits of an element
    parameter X_KIND   = 0,              // 0 unsigned, 1 signed, 2 bipolar, 3 ternary
    parameter W_BITS   = 4,              // bits of a weight
    parameter W_KIND   = 1,              // likewise, of a weight; 4 power of two
    parameter W_BASE   = 0,              // least exponent of a power of two
    parameter P_BITS   = 8,              // bits of a product, signed
    parameter S_BITS   = 8,              // bits of a sum of SIMD products, signed
    parameter ACC_BITS = 8,              // bits of a result
    parameter BEATS    = 1,              // beats of a vector (with tags: the least)
    parameter FOLDS    = 1,              // vectors with weights of their own
    parameter TAGGED   = 0,              // 1: beats carry weight address and end of the sum
    parameter WORDS    = FOLDS * BEATS,  // words of the weight memory
    parameter HAS_BIAS = 0,              // 1: a bias is added
    parameter MULT     = 0,              // 0 as the tools decide, 1 logic, 2 DSP, 3 shared DSP
    parameter PACK_W   = 1,              // weights of a shared multiplier
    parameter PACK_X   = 1,              // elements of a shared multiplier
    parameter SHIFT    = 8,              // distance of two fields in bits
    parameter RELOAD   = 0,              // 1: weights can be written at run time
    parameter STYLE    = "auto",         // weight memory: auto, logic, distributed, block
    parameter WEIGHTS  = "",             // hex file of weights
    parameter BIAS     = ""              // hex file of biases
) (
    input  wire                          clk,
    input  wire                          rst,
    input  wire [PIXELS*((LANEWISE != 0) ? PE*SIMD : SIMD)*X_BITS
                 + ((TAGGED == 0) ? 0 : (WORDS > 1) ? $clog2(WORDS) + 1 : 2)-1:0] s_data,
    input  wire                          s_valid,
    output wire                          s_ready,
    output wire [PIXELS*PE*ACC_BITS-1:0] m_data,
    output wire                          m_valid,
    input  wire                          m_ready,
    input  wire                          load_en,
    input  wire [((WORDS > 1) ? $clog2(WORDS) : 1)-1:0] load_addr,
    input  wire [PE*SIMD*W_BITS-1:0]     load_data
);
    localparam SIGNS = (X_KIND >= 2 && (W_KIND == 2 || W_KIND == 3) && TAGGED == 0) ? 1 : 0;
    localparam FIXED = (WORDS == 1 && RELOAD == 0) ? 1 : 0;  // one word, read only
    localparam LANES = (LANEWISE != 0) ? PE * SIMD : SIMD;  // elements of a vector in a beat
    localparam SUMS  = PIXELS * PE;
    localparam XW    = PIXELS * LANES * X_BITS;
    localparam AW    = (WORDS > 1) ? $clog2(WORDS) : 1;
    localparam WW    = PE * SIMD * W_BITS;
    localparam SW    = (SIGNS != 0) ? $clog2(2 * SIMD + 1) + 1 : S_BITS;

    wire en;
    assign s_ready = en;

    // Stage 1: weights are read while the input is registered.
    wire [WW-1:0] w_q;
    reg [XW-1:0]  x_q;
    reg           valid_1_q, first_1_q, last_1_q;
    wire          take = en & s_valid;
    wire [AW-1:0] addr;
    wire          first_beat;
    wire          last_beat;

    hwc_weights #(
        .WIDTH(WW), .DEPTH(WORDS), .RELOAD(RELOAD), .STYLE(STYLE), .TABLE(WEIGHTS)
    ) weights (
        .clk(clk), .en(en), .addr(addr), .data(w_q),
        .load_en(load_en), .load_addr(load_addr), .load_data(load_data)
    );

    always @(posedge clk)
        if (en) begin
            x_q       <= s_data[XW-1:0];
            first_1_q <= first_beat;
            last_1_q  <= last_beat;
        end

    always @(posedge clk) begin
        if (rst)
            valid_1_q <= 1'b0;
        else if (en)
            valid_1_q <= s_valid;
    end

    generate
        if (TAGGED != 0) begin : gen_tagged
            reg first_q;
            assign addr       = s_data[XW +: AW];
            assign first_beat = first_q;
            assign last_beat  = s_data[XW+AW];
            always @(posedge clk) begin
                if (rst)
                    first_q <= 1'b1;
                else if (take)
                    first_q <= last_beat;
            end
        end else begin : gen_counted
            localparam          BW      = (BEATS > 1) ? $clog2(BEATS) : 1;
            localparam [31:0]   ALAST_W = WORDS - 1;
            localparam [31:0]   BLAST_W = BEATS - 1;
            localparam [AW-1:0] LAST_ADDR = ALAST_W[AW-1:0];
            localparam [BW-1:0] LAST_BEAT = BLAST_W[BW-1:0];
            reg [AW-1:0] addr_q;
            reg [BW-1:0] beat_q;
            assign addr       = addr_q;
            assign first_beat = (beat_q == {BW{1'b0}});
            assign last_beat  = (beat_q == LAST_BEAT);
            always @(posedge clk) begin
                if (rst) begin
                    addr_q <= {AW{1'b0}};
                    beat_q <= {BW{1'b0}};
                end else if (take) begin
                    addr_q <= (addr_q == LAST_ADDR) ? {AW{1'b0}} : addr_q + 1'b1;
                    beat_q <= last_beat ? {BW{1'b0}} : beat_q + 1'b1;
                end
            end
        end
    endgenerate

    // Stage 2: products. Stage 3: their sum per lane. Stage 4: accumulation.
    wire [PE*ACC_BITS-1:0]   start;  // what the accumulators start from
    wire [SUMS*SW-1:0]       sum_q;
    reg  [SUMS*ACC_BITS-1:0] acc_q;
    wire [SUMS*ACC_BITS-1:0] acc;
    reg                      valid_2_q, first_2_q, last_2_q;
    reg                      valid_3_q, first_3_q, last_3_q;
    reg                      valid_4_q;

    always @(posedge clk)
        if (en) begin
            first_2_q <= first_1_q;
            last_2_q  <= last_1_q;
            first_3_q <= first_2_q;
            last_3_q  <= last_2_q;
            if (valid_3_q)
                acc_q <= acc;
        end

    always @(posedge clk) begin
        if (rst) begin
            valid_2_q <= 1'b0;
            valid_3_q <= 1'b0;
            valid_4_q <= 1'b0;
        end else if (en) begin
            valid_2_q <= valid_1_q;
            valid_3_q <= valid_2_q;
            valid_4_q <= valid_3_q & last_3_q;
        end
    end

    generate
        if (HAS_BIAS != 0) begin : gen_bias
            localparam          FW     = (FOLDS > 1) ? $clog2(FOLDS) : 1;
            localparam [31:0]   LAST_W = FOLDS - 1;
            localparam [FW-1:0] LAST   = LAST_W[FW-1:0];
            reg [FW-1:0]          fold_q;
            hwc_rom #(.WIDTH(PE*ACC_BITS), .DEPTH(FOLDS), .TABLE(BIAS)) bias (
                .clk(clk), .en(en), .addr(fold_q), .data(start)
            );
            always @(posedge clk) begin
                if (rst)
                    fold_q <= {FW{1'b0}};
                else if (en & valid_2_q & last_2_q)
                    fold_q <= (fold_q == LAST) ? {FW{1'b0}} : fold_q + 1'b1;
            end
        end else begin : gen_no_bias
            localparam [31:0] ELEMENTS = (SIGNS != 0) ? BEATS * SIMD : 0;
            localparam [63:0] START_W  = 64'd0 - {32'd0, ELEMENTS};
            assign start = {PE{START_W[ACC_BITS-1:0]}};
        end
    endgenerate

    wire [((SIGNS == 0) ? SUMS*SIMD*P_BITS : 1)-1:0] products;

    genvar i, j;
    generate
        if (SIGNS == 0) begin : gen_multiply
            hwc_products #(
                .PE(PE), .SIMD(SIMD), .LANEWISE(LANEWISE), .PIXELS(PIXELS),
                .X_BITS(X_BITS), .X_KIND(X_KIND), .W_BITS(W_BITS), .W_KIND(W_KIND),
                .W_BASE(W_BASE), .FIXED(FIXED), .P_BITS(P_BITS),
                .MULT(MULT), .PACK_W(PACK_W), .PACK_X(PACK_X), .SHIFT(SHIFT)
            ) multiply (.x(x_q), .w(w_q), .p(products));
        end else begin : gen_count
            assign products = 1'b0;
            wire unused = products;
        end
        for (i = 0; i < SUMS; i = i + 1) begin : gen_sums
            localparam LANE  = i % PE;
            localparam PIXEL = i / PE;
            if (SIGNS != 0) begin : gen_signs
                wire [SIMD*X_BITS-1:0] x;
                wire [SIMD*W_BITS-1:0] w = w_q[LANE*SIMD*W_BITS +: SIMD*W_BITS];
                for (j = 0; j < SIMD; j = j + 1) begin : gen_simd
                    localparam XI = PIXEL * LANES + ((LANEWISE != 0) ? j * PE + LANE : j);
                    assign x[j*X_BITS +: X_BITS] = x_q[XI*X_BITS +: X_BITS];
                end
                hwc_signs #(
                    .SIMD(SIMD), .X_KIND(X_KIND), .W_KIND(W_KIND), .SUM_BITS(SW)
                ) dot (.clk(clk), .en(en), .x(x), .w(w), .sum(sum_q[i*SW +: SW]));
            end else begin : gen_products
                localparam TW = P_BITS + $clog2(SIMD);
                wire [SIMD*P_BITS-1:0] product = products[i*SIMD*P_BITS +: SIMD*P_BITS];
                reg  [SIMD*P_BITS-1:0] product_q;
                wire [TW-1:0]          total;
                reg  [SW-1:0]          total_q;
                hwc_adder_tree #(.N(SIMD), .IN_BITS(P_BITS), .SIGNED(1)) tree (
                    .x(product_q), .sum(total)
                );
                always @(posedge clk)
                    if (en) begin
                        product_q <= product;
                        total_q   <= total[SW-1:0];
                    end
                assign sum_q[i*SW +: SW] = total_q;
                if (TW > SW) begin : gen_unused
                    // Copies of the sign: S_BITS holds every sum.
                    wire unused = &{1'b0, total[TW-1:SW]};
                end
            end
            wire [ACC_BITS-1:0] addend;
            wire [ACC_BITS-1:0] prior = first_3_q ? start[LANE*ACC_BITS +: ACC_BITS]
                                                   : acc_q[i*ACC_BITS +: ACC_BITS];
            if (SW < ACC_BITS) begin : gen_extend
                assign addend = {{(ACC_BITS-SW){sum_q[i*SW+SW-1]}}, sum_q[i*SW +: SW]};
            end else begin : gen_cut
                assign addend = sum_q[i*SW +: ACC_BITS];
                if (SW > ACC_BITS) begin : gen_unused
                    // Modulo 2**ACC_BITS, which holds every final sum.
                    wire unused = &{1'b0, sum_q[i*SW+ACC_BITS +: SW-ACC_BITS]};
                end
            end
            assign acc[i*ACC_BITS +: ACC_BITS] = prior + addend;
        end
    endgenerate

    hwc_slice #(.WIDTH(SUMS*ACC_BITS), .PERIOD(BEATS)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(acc_q), .s_valid(valid_4_q), .go(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
