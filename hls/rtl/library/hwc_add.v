// Weighted sum of COUNT streams, element by element.
//
// A beat of every input is taken at once; input i has LANES elements of
// WIDTHS[i] bits from bit OFFSETS[i] of s_data on, of KINDS[i]: 0 unsigned,
// 1 signed, 2 bipolar. Its multiplier is FACTORS[i], subtracted where
// NEGATIVE[i] = 1; powers of two cost nothing. Where it differs by channel it
// comes from a table instead: SLOTS[i] is its place among TABLES others there,
// FIXED (255) if it has none.
// TABLE: hex file of FOLDS words (channel folds) of LANES lanes; a lane is
// TABLES multipliers of MUL_BITS, two's complement.
// OUT_BITS holds every sum, modulo which inner overflow is harmless.
// STAGES: 1 if every factor is a power of two or zero, 3 with a table, else 2.
//
// Contract: see hwc_skid; a ready also depends on the valid of the other
// inputs. Timing: latency STAGES + 1, one beat a cycle.
module hwc_add #(
    parameter LANES    = 1,                        // elements of a beat
    parameter COUNT    = 2,                        // inputs
    parameter S_WIDTH  = 8,                        // bits of s_data
    parameter [COUNT*32-1:0] OFFSETS  = 64'h0000_0004_0000_0000,  // lowest bit of every input in s_data
    parameter [COUNT*16-1:0] WIDTHS   = 32'h0004_0004,  // bits of every input's element
    parameter [COUNT*4-1:0]  KINDS    = 8'h00,     // KIND of every input: 0 unsigned, 1 signed, 2 bipolar
    parameter [COUNT*64-1:0] FACTORS  = {COUNT{64'd1}},  // absolute multiplier of every input
    parameter [COUNT-1:0]    NEGATIVE = 2'b00,     // 1: the input is subtracted
    parameter [COUNT*8-1:0]  SLOTS    = 16'hFFFF,  // place in a word of TABLE, 255: constant factor
    parameter TABLES   = 0,                        // inputs with multipliers in TABLE
    parameter MUL_BITS = 1,                        // bits of a multiplier in TABLE, signed
    parameter FOLDS    = 1,                        // channel folds: sets of constants that take turns
    parameter STAGES   = 1,                        // registers in front of the slice, 1 to 3
    parameter OUT_BITS = 5,                        // bits of a sum
    parameter TABLE    = ""                        // hex file of multipliers
) (
    input  wire                      clk,
    input  wire                      rst,
    input  wire [S_WIDTH-1:0]        s_data,
    input  wire [COUNT-1:0]          s_valid,
    output wire [COUNT-1:0]          s_ready,
    output wire [LANES*OUT_BITS-1:0] m_data,
    output wire                      m_valid,
    input  wire                      m_ready
);
    localparam FIXED = 255;
    localparam WORD  = (TABLES > 0) ? LANES * TABLES * MUL_BITS : 1;

    wire en;
    wire take = &s_valid;

    genvar i, l;
    generate
        for (i = 0; i < COUNT; i = i + 1) begin : gen_ready
            wire [COUNT-1:0] others = s_valid | ({{(COUNT-1){1'b0}}, 1'b1} << i);
            assign s_ready[i] = en & (&others);
        end
    endgenerate

    // With a table: the inputs are registered while it is read.
    wire [S_WIDTH-1:0] x;
    wire [WORD-1:0]    word;
    wire               valid_x;

    generate
        if (TABLES > 0) begin : gen_table
            localparam          FW     = (FOLDS > 1) ? $clog2(FOLDS) : 1;
            localparam [31:0]   LAST_W = FOLDS - 1;
            localparam [FW-1:0] LAST   = LAST_W[FW-1:0];
            reg [FW-1:0]      fold_q;
            reg [S_WIDTH-1:0] x_q;
            reg               valid_q;
            hwc_rom #(.WIDTH(WORD), .DEPTH(FOLDS), .TABLE(TABLE)) factors (
                .clk(clk), .en(en), .addr(fold_q), .data(word)
            );
            always @(posedge clk)
                if (en)
                    x_q <= s_data;
            always @(posedge clk) begin
                if (rst) begin
                    fold_q  <= {FW{1'b0}};
                    valid_q <= 1'b0;
                end else if (en) begin
                    if (take)
                        fold_q <= (fold_q == LAST) ? {FW{1'b0}} : fold_q + 1'b1;
                    valid_q <= take;
                end
            end
            assign x       = x_q;
            assign valid_x = valid_q;
        end else begin : gen_no_table
            assign x       = s_data;
            assign word    = 1'b0;
            assign valid_x = take;
            wire unused = &{1'b0, word};
        end
    endgenerate

    // Products, modulo 2**OUT_BITS.
    localparam PW = COUNT * LANES * OUT_BITS;
    wire [PW-1:0] product;
    wire [PW-1:0] term;
    wire          valid_p;

    generate
        for (i = 0; i < COUNT; i = i + 1) begin : gen_input
            localparam W    = WIDTHS[i*16 +: 16];
            localparam FROM = OFFSETS[i*32 +: 32];
            localparam KIND = KINDS[i*4 +: 4];
            localparam SLOT = SLOTS[i*8 +: 8];
            localparam XV   = (KIND == 0) ? W + 1 : (KIND == 2) ? 2 : W;
            for (l = 0; l < LANES; l = l + 1) begin : gen_lane
                wire [W-1:0]        v = x[FROM+l*W +: W];
                wire [OUT_BITS-1:0] p;
                if (SLOT == FIXED) begin : gen_fixed
                    wire [XV-1:0]       xv;
                    wire [OUT_BITS-1:0] wide;
                    if (KIND == 0) begin : gen_unsigned
                        assign xv = {1'b0, v};
                    end else if (KIND == 2) begin : gen_bipolar
                        assign xv = {~v, 1'b1};
                    end else begin : gen_signed
                        assign xv = v;
                    end
                    if (OUT_BITS > XV) begin : gen_extend
                        assign wide = {{(OUT_BITS-XV){xv[XV-1]}}, xv};
                    end else begin : gen_cut
                        assign wide = xv[OUT_BITS-1:0];
                        if (OUT_BITS < XV) begin : gen_unused
                            wire unused = &{1'b0, xv[XV-1:OUT_BITS]};
                        end
                    end
                    assign p = wide * FACTORS[i*64 +: OUT_BITS];
                end else begin : gen_tabled
                    localparam PV = XV + MUL_BITS;
                    wire [PV-1:0] full;
                    hwc_mul #(
                        .X_BITS(W), .X_KIND(KIND),
                        .W_BITS(MUL_BITS), .W_KIND(1), .P_BITS(PV)
                    ) mul (.x(v), .w(word[(l*TABLES+SLOT)*MUL_BITS +: MUL_BITS]), .p(full));
                    if (OUT_BITS > PV) begin : gen_extend
                        assign p = {{(OUT_BITS-PV){full[PV-1]}}, full};
                    end else begin : gen_cut
                        assign p = full[OUT_BITS-1:0];
                        if (OUT_BITS < PV) begin : gen_unused
                            wire unused = &{1'b0, full[PV-1:OUT_BITS]};
                        end
                    end
                end
                assign product[(i*LANES+l)*OUT_BITS +: OUT_BITS] = p;
            end
        end
        if (STAGES > 1) begin : gen_product_register
            reg [PW-1:0] product_q;
            reg          valid_q;
            always @(posedge clk)
                if (en)
                    product_q <= product;
            always @(posedge clk) begin
                if (rst)
                    valid_q <= 1'b0;
                else if (en)
                    valid_q <= valid_x;
            end
            assign term    = product_q;
            assign valid_p = valid_q;
        end else begin : gen_no_product_register
            assign term    = product;
            assign valid_p = valid_x;
        end
    endgenerate

    // The sum, lane by lane.
    wire [LANES*OUT_BITS-1:0] sum;
    reg  [LANES*OUT_BITS-1:0] sum_q;
    reg                       valid_q;

    generate
        for (l = 0; l < LANES; l = l + 1) begin : gen_sum
            wire [(COUNT+1)*OUT_BITS-1:0] part;
            assign part[OUT_BITS-1:0] = {OUT_BITS{1'b0}};
            for (i = 0; i < COUNT; i = i + 1) begin : gen_part
                wire [OUT_BITS-1:0] t = term[(i*LANES+l)*OUT_BITS +: OUT_BITS];
                if (NEGATIVE[i]) begin : gen_subtract
                    assign part[(i+1)*OUT_BITS +: OUT_BITS] = part[i*OUT_BITS +: OUT_BITS] - t;
                end else begin : gen_add
                    assign part[(i+1)*OUT_BITS +: OUT_BITS] = part[i*OUT_BITS +: OUT_BITS] + t;
                end
            end
            assign sum[l*OUT_BITS +: OUT_BITS] = part[COUNT*OUT_BITS +: OUT_BITS];
        end
    endgenerate

    always @(posedge clk)
        if (en)
            sum_q <= sum;

    always @(posedge clk) begin
        if (rst)
            valid_q <= 1'b0;
        else if (en)
            valid_q <= valid_p;
    end

    hwc_skid #(.WIDTH(LANES*OUT_BITS)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(sum_q), .s_valid(valid_q), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
