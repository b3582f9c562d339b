// Step function by K parallel comparators a lane:
// y = LO + #{k : x >= t[k]}, in the stored form of OUT_BITS bits.
//
// KIND of x: 0 unsigned, 1 signed, 2 bipolar. T_BITS is a signed width that
// holds every value of x and every threshold. A lane with its falling bit set
// gives LO + K - #{...} (the generator turns sign * x >= t into that form).
// TABLE: hex file of FOLDS words (channel folds); a lane takes
// K * T_BITS + FALLING bits, thresholds lowest, falling bit on top.
//
// Contract: see hwc_skid. Timing: latency 4, one beat a cycle; s_ready is a
// register.
module hwc_threshold #(
    parameter PE       = 1,           // lanes
    parameter IN_BITS  = 8,           // bits of an input element
    parameter KIND     = 1,           // of the input: 0 unsigned, 1 signed, 2 bipolar
    parameter K        = 1,           // thresholds of a channel
    parameter T_BITS   = 8,           // bits of a threshold, signed
    parameter FALLING  = 0,           // 1: lanes have a falling bit
    parameter FOLDS    = 1,           // channel folds: sets of constants that take turns
    parameter OUT_BITS = 1,           // bits of an output element
    parameter [OUT_BITS-1:0] LO = 0,  // output below all thresholds
    parameter TABLE    = ""           // hex file
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
    localparam LANE = K * T_BITS + FALLING;
    localparam CW   = $clog2(K + 1);
    localparam FW   = (FOLDS > 1) ? $clog2(FOLDS) : 1;
    localparam [31:0]   FLAST_W = FOLDS - 1;
    localparam [31:0]   K_W     = K;
    localparam [FW-1:0] LAST    = FLAST_W[FW-1:0];

    wire [PE*LANE-1:0]    t_q;
    reg [PE*IN_BITS-1:0]  x_q;
    reg [PE*K-1:0]        reached_q;
    wire [PE*K-1:0]       reached;
    reg [PE*OUT_BITS-1:0] y_q;
    wire [PE*OUT_BITS-1:0] y;
    reg [FW-1:0]          fold_q;
    reg                   valid_1_q, valid_2_q, valid_3_q;

    wire en;
    assign s_ready = en;

    hwc_rom #(.WIDTH(PE*LANE), .DEPTH(FOLDS), .TABLE(TABLE)) thresholds (
        .clk(clk), .en(en), .addr(fold_q), .data(t_q)
    );

    always @(posedge clk)
        if (en) begin
            x_q       <= s_data;
            reached_q <= reached;
            y_q       <= y;
        end

    always @(posedge clk) begin
        if (rst) begin
            fold_q    <= {FW{1'b0}};
            valid_1_q <= 1'b0;
            valid_2_q <= 1'b0;
            valid_3_q <= 1'b0;
        end else if (en) begin
            if (s_valid)
                fold_q <= (fold_q == LAST) ? {FW{1'b0}} : fold_q + 1'b1;
            valid_1_q <= s_valid;
            valid_2_q <= valid_1_q;
            valid_3_q <= valid_2_q;
        end
    end

    genvar i, k;
    generate
        for (i = 0; i < PE; i = i + 1) begin : gen_pe
            wire [T_BITS-1:0] x;
            wire [CW-1:0]     count;
            wire [CW-1:0]     level;
            hwc_cast #(.LANES(1), .IN_BITS(IN_BITS), .KIND(KIND), .OUT_BITS(T_BITS)) cast (
                .x(x_q[i*IN_BITS +: IN_BITS]), .y(x)
            );
            for (k = 0; k < K; k = k + 1) begin : gen_compare
                wire [T_BITS-1:0] t = t_q[i*LANE + k*T_BITS +: T_BITS];
                assign reached[i*K + k] = ($signed(x) >= $signed(t));
            end
            hwc_popcount #(.N(K)) popcount (.x(reached_q[i*K +: K]), .count(count));
            if (FALLING != 0) begin : gen_falling
                reg falling_q;
                always @(posedge clk)
                    if (en)
                        falling_q <= t_q[i*LANE + K*T_BITS];
                assign level = falling_q ? K_W[CW-1:0] - count : count;
            end else begin : gen_rising
                assign level = count;
            end
            if (OUT_BITS > CW) begin : gen_wider
                assign y[i*OUT_BITS +: OUT_BITS] = {{(OUT_BITS-CW){1'b0}}, level} + LO;
            end else begin : gen_same
                assign y[i*OUT_BITS +: OUT_BITS] = level + LO;
            end
        end
    endgenerate

    hwc_skid #(.WIDTH(PE*OUT_BITS)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(y_q), .s_valid(valid_3_q), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
