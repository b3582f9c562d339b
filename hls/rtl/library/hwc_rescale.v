// Requantization: y = clip(round((mul * x + add) / 2**SHIFT), LO, HI).
//
// KIND of x: 0 unsigned, 1 signed, 2 bipolar. MUL_BITS and ADD_BITS are signed
// widths; SUM_BITS is a signed width that holds mul * x + add plus half of
// 2**SHIFT, ADD_BITS <= SUM_BITS. HALF_EVEN = 1 rounds to nearest, ties to the
// even result; 0 rounds down. LO and HI are two's complement.
// TABLE: hex file of FOLDS words (channel folds) of PE lanes; a lane is
// {add, mul}.
//
// Contract: see hwc_skid. Timing: latency 6, one beat a cycle; s_ready is a
// register.
module hwc_rescale #(
    parameter PE        = 1,           // lanes
    parameter IN_BITS   = 8,           // bits of an input element
    parameter KIND      = 1,           // of the input: 0 unsigned, 1 signed, 2 bipolar
    parameter MUL_BITS  = 8,           // bits of a multiplier, signed
    parameter ADD_BITS  = 8,           // bits of an addend, signed
    parameter SUM_BITS  = 17,          // bits of mul * x + add, with rounding
    parameter SHIFT     = 4,           // binary digits dropped
    parameter HALF_EVEN = 1,           // 1 nearest, ties to even; 0 down
    parameter FOLDS     = 1,           // channel folds: sets of constants that take turns
    parameter OUT_BITS  = 8,           // bits of an output element
    parameter signed [63:0] LO = 0,    // least output
    parameter signed [63:0] HI = 255,  // greatest output
    parameter TABLE     = ""           // hex file of {add, mul}
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire [PE*IN_BITS-1:0]  s_data,
    input  wire                   s_valid,
    output wire                   s_ready,
    output wire [PE*OUT_BITS-1:0] m_data,
    output wire                   m_valid,
    input  wire                   m_ready
);
    localparam LANE = MUL_BITS + ADD_BITS;
    localparam XV   = (KIND == 0) ? IN_BITS + 1 : (KIND == 2) ? 2 : IN_BITS;
    localparam FULL = XV + MUL_BITS;
    localparam CW0  = (SUM_BITS - SHIFT > OUT_BITS + 1) ? SUM_BITS - SHIFT : OUT_BITS + 1;
    localparam CW   = (CW0 > 64) ? 64 : CW0;  // compared; results stay below 2**62
    localparam FW   = (FOLDS > 1) ? $clog2(FOLDS) : 1;
    localparam [31:0]   FLAST_W = FOLDS - 1;
    localparam [FW-1:0] LAST    = FLAST_W[FW-1:0];

    wire [PE*LANE-1:0]    word_q;
    reg [PE*IN_BITS-1:0]  x_q;
    reg [FW-1:0]          fold_q;
    reg                   valid_1_q, valid_2_q, valid_3_q, valid_4_q, valid_5_q;
    wire [PE*OUT_BITS-1:0] y;

    wire en;
    assign s_ready = en;

    hwc_rom #(.WIDTH(PE*LANE), .DEPTH(FOLDS), .TABLE(TABLE)) factors (
        .clk(clk), .en(en), .addr(fold_q), .data(word_q)
    );

    always @(posedge clk)
        if (en)
            x_q <= s_data;

    always @(posedge clk) begin
        if (rst) begin
            fold_q    <= {FW{1'b0}};
            valid_1_q <= 1'b0;
            valid_2_q <= 1'b0;
            valid_3_q <= 1'b0;
            valid_4_q <= 1'b0;
            valid_5_q <= 1'b0;
        end else if (en) begin
            if (s_valid)
                fold_q <= (fold_q == LAST) ? {FW{1'b0}} : fold_q + 1'b1;
            valid_1_q <= s_valid;
            valid_2_q <= valid_1_q;
            valid_3_q <= valid_2_q;
            valid_4_q <= valid_3_q;
            valid_5_q <= valid_4_q;
        end
    end

    genvar i;
    generate
        for (i = 0; i < PE; i = i + 1) begin : gen_pe
            wire [IN_BITS-1:0]          x = x_q[i*IN_BITS +: IN_BITS];
            wire signed [MUL_BITS-1:0]  mul = word_q[i*LANE +: MUL_BITS];
            wire signed [XV-1:0]        xv;
            wire signed [FULL-1:0]      wide_x = {{(FULL-XV){xv[XV-1]}}, xv};
            wire signed [FULL-1:0]      wide_m = {{(FULL-MUL_BITS){mul[MUL_BITS-1]}}, mul};
            reg signed [FULL-1:0]       product_q;
            reg [ADD_BITS-1:0]          add_q;
            wire signed [SUM_BITS-1:0]  product;
            wire signed [SUM_BITS-1:0]  addend;
            reg signed [SUM_BITS-1:0]   sum_q;
            wire signed [SUM_BITS-1:0]  rounded;
            reg signed [CW-1:0]         value_q;
            wire signed [CW-1:0]        value;
            reg [OUT_BITS-1:0]          y_q;

            if (KIND == 0) begin : gen_unsigned
                assign xv = {1'b0, x};
            end else if (KIND == 2) begin : gen_bipolar
                assign xv = {~x, 1'b1};
            end else begin : gen_signed
                assign xv = x;
            end
            if (SUM_BITS > FULL) begin : gen_wider
                assign product = {{(SUM_BITS-FULL){product_q[FULL-1]}}, product_q};
            end else begin : gen_cut
                assign product = product_q[SUM_BITS-1:0];
                if (SUM_BITS < FULL) begin : gen_unused
                    // Copies of the sign: SUM_BITS holds every sum.
                    wire unused = &{1'b0, product_q[FULL-1:SUM_BITS]};
                end
            end
            if (SUM_BITS > ADD_BITS) begin : gen_add_wider
                assign addend = {{(SUM_BITS-ADD_BITS){add_q[ADD_BITS-1]}}, add_q};
            end else begin : gen_add_same
                assign addend = add_q;
            end
            if (HALF_EVEN != 0 && SHIFT > 0) begin : gen_half_even
                // Adding half less one, and one more if the result below is odd,
                // carries exactly when nearest-even rounds up.
                localparam [SUM_BITS-1:0] ONE   = {{(SUM_BITS-1){1'b0}}, 1'b1};
                localparam [SUM_BITS-1:0] BELOW = (ONE << (SHIFT - 1)) - ONE;
                assign rounded = sum_q + $signed(BELOW)
                               + $signed({{(SUM_BITS-1){1'b0}}, sum_q[SHIFT]});
            end else begin : gen_floor
                assign rounded = sum_q;
            end
            if (SUM_BITS - SHIFT < CW) begin : gen_extend
                assign value = {{(CW-SUM_BITS+SHIFT){rounded[SUM_BITS-1]}},
                                rounded[SUM_BITS-1:SHIFT]};
            end else begin : gen_fit
                assign value = rounded[SHIFT +: CW];
            end
            if (SHIFT > 0) begin : gen_fraction
                // The fraction is dropped.
                wire unused = &{1'b0, rounded[SHIFT-1:0]};
            end

            always @(posedge clk)
                if (en) begin
                    product_q <= wide_x * wide_m;
                    add_q     <= word_q[i*LANE+MUL_BITS +: ADD_BITS];
                    sum_q     <= product + addend;
                    value_q   <= value;
                    y_q       <= (value_q < $signed(LO[CW-1:0])) ? LO[OUT_BITS-1:0]
                               : (value_q > $signed(HI[CW-1:0])) ? HI[OUT_BITS-1:0]
                               : value_q[OUT_BITS-1:0];
                end

            assign y[i*OUT_BITS +: OUT_BITS] = y_q;
        end
    endgenerate

    hwc_skid #(.WIDTH(PE*OUT_BITS)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(y), .s_valid(valid_5_q), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
