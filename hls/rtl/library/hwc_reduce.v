// Pooling: each lane's largest element (SUM = 0) or sum (SUM = 1) over BEATS
// beats.
//
// KIND, SUM, IN_BITS, OUT_BITS: see hwc_reduce_lane.
//
// Contract: see hwc_skid. Timing: latency 3 from the last beat, one input beat
// a cycle; s_ready depends on registers only.
module hwc_reduce #(
    parameter LANES    = 1,  // elements of a beat
    parameter IN_BITS  = 4,  // bits of an input element
    parameter KIND     = 0,  // of the input: 0 unsigned, 1 signed, 2 bipolar
    parameter BEATS    = 4,  // beats of a window
    parameter SUM      = 0,  // 0 maximum, 1 sum
    parameter OUT_BITS = 4   // bits of an output element
) (
    input  wire                      clk,
    input  wire                      rst,
    input  wire [LANES*IN_BITS-1:0]  s_data,
    input  wire                      s_valid,
    output wire                      s_ready,
    output wire [LANES*OUT_BITS-1:0] m_data,
    output wire                      m_valid,
    input  wire                      m_ready
);
    localparam          CW     = (BEATS > 1) ? $clog2(BEATS) : 1;
    localparam [31:0]   LAST_W = BEATS - 1;
    localparam [CW-1:0] LAST   = LAST_W[CW-1:0];

    reg [LANES*IN_BITS-1:0]   x_q;
    reg [LANES*OUT_BITS-1:0]  acc_q;
    wire [LANES*OUT_BITS-1:0] acc;
    reg [CW-1:0]              beat_q;
    reg                       first_q, last_q, valid_1_q, valid_2_q;

    wire en;
    wire last = (beat_q == LAST);
    assign s_ready = en;

    always @(posedge clk)
        if (en) begin
            x_q     <= s_data;
            first_q <= (beat_q == {CW{1'b0}});
            last_q  <= last;
            if (valid_1_q)
                acc_q <= acc;
        end

    always @(posedge clk) begin
        if (rst) begin
            beat_q    <= {CW{1'b0}};
            valid_1_q <= 1'b0;
            valid_2_q <= 1'b0;
        end else if (en) begin
            if (s_valid)
                beat_q <= last ? {CW{1'b0}} : beat_q + 1'b1;
            valid_1_q <= s_valid;
            valid_2_q <= valid_1_q & last_q;
        end
    end

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            hwc_reduce_lane #(
                .IN_BITS(IN_BITS), .KIND(KIND), .SUM(SUM), .OUT_BITS(OUT_BITS)
            ) lane (
                .x(x_q[i*IN_BITS +: IN_BITS]), .prior(acc_q[i*OUT_BITS +: OUT_BITS]),
                .first(first_q), .y(acc[i*OUT_BITS +: OUT_BITS])
            );
        end
    endgenerate

    hwc_slice #(.WIDTH(LANES*OUT_BITS), .PERIOD(BEATS)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(acc_q), .s_valid(valid_2_q), .go(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
