// Pooling of whole windows: each lane's largest element (SUM = 0) or sum
// (SUM = 1) over the TAPS positions that a beat holds.
//
// A beat carries PIXELS windows of TAPS positions of LANES elements, and gives
// PIXELS times LANES results.
// KIND, SUM, IN_BITS, OUT_BITS: see hwc_reduce_lane.
//
// Contract: see hwc_skid. Timing: latency 3, one beat a cycle; s_ready is a
// register.
// Control: a pipeline of two stages.
module hwc_reduce_taps #(
    parameter LANES    = 1,  // channels of a beat
    parameter PIXELS   = 1,  // windows of a beat
    parameter TAPS     = 4,  // positions of a window
    parameter IN_BITS  = 4,  // bits of an input element
    parameter KIND     = 0,  // of the input: 0 unsigned, 1 signed, 2 bipolar
    parameter SUM      = 0,  // 0 maximum, 1 sum
    parameter OUT_BITS = 4   // bits of an output element
) (
    input  wire                                   clk,
    input  wire                                   rst,
    input  wire [PIXELS*TAPS*LANES*IN_BITS-1:0]   s_data,
    input  wire                                   s_valid,
    output wire                                   s_ready,
    output wire [PIXELS*LANES*OUT_BITS-1:0]       m_data,
    output wire                                   m_valid,
    input  wire                                   m_ready
);
    // Width of an element as a number, and of a sum of them.
    localparam VW = (KIND == 2) ? 2 : IN_BITS;
    localparam TW = VW + $clog2(TAPS);

    reg [PIXELS*TAPS*LANES*IN_BITS-1:0] x_q;
    reg [PIXELS*LANES*OUT_BITS-1:0]     y_q;
    wire [PIXELS*LANES*OUT_BITS-1:0]    y;
    reg                                 valid_1_q, valid_2_q;

    wire en;
    assign s_ready = en;

    always @(posedge clk)
        if (en) begin
            x_q <= s_data;
            y_q <= y;
        end

    always @(posedge clk) begin
        if (rst) begin
            valid_1_q <= 1'b0;
            valid_2_q <= 1'b0;
        end else if (en) begin
            valid_1_q <= s_valid;
            valid_2_q <= valid_1_q;
        end
    end

    genvar i, t;
    generate
        for (i = 0; i < PIXELS * LANES; i = i + 1) begin : gen_lane
            localparam FROM = i / LANES * TAPS * LANES + i % LANES;
            wire [TAPS*IN_BITS-1:0] taps;
            for (t = 0; t < TAPS; t = t + 1) begin : gen_tap
                assign taps[t*IN_BITS +: IN_BITS] = x_q[(FROM+t*LANES)*IN_BITS +: IN_BITS];
            end
            if (SUM != 0) begin : gen_sum
                wire [TAPS*VW-1:0] values;
                wire [TW-1:0]      total;
                hwc_cast #(.LANES(TAPS), .IN_BITS(IN_BITS), .KIND(KIND), .OUT_BITS(VW)) cast (
                    .x(taps), .y(values)
                );
                hwc_adder_tree #(.N(TAPS), .IN_BITS(VW), .SIGNED((KIND != 0) ? 1 : 0)) tree (
                    .x(values), .sum(total)
                );
                if (OUT_BITS > TW) begin : gen_extend
                    assign y[i*OUT_BITS +: OUT_BITS] =
                        {{(OUT_BITS-TW){(KIND != 0) & total[TW-1]}}, total};
                end else begin : gen_cut
                    assign y[i*OUT_BITS +: OUT_BITS] = total[OUT_BITS-1:0];
                    if (OUT_BITS < TW) begin : gen_unused
                        wire unused = &{1'b0, total[TW-1:OUT_BITS]};
                    end
                end
            end else begin : gen_max
                hwc_max_tree #(.N(TAPS), .BITS(IN_BITS), .SIGNED((KIND == 1) ? 1 : 0)) tree (
                    .x(taps), .largest(y[i*OUT_BITS +: OUT_BITS])
                );
            end
        end
    endgenerate

    hwc_slice #(.WIDTH(PIXELS*LANES*OUT_BITS), .PERIOD(1)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(y_q), .s_valid(valid_2_q), .go(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
