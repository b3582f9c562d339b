// End of a chain: marks the last of every BEATS beats.
//
// Contract: see hwc_skid; m_last travels with m_data.
// Timing: latency 1, one beat a cycle; s_ready is a register.
module hwc_last #(
    parameter WIDTH = 8,  // bits of a beat
    parameter BEATS = 1   // beats of a frame
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [WIDTH-1:0] s_data,
    input  wire             s_valid,
    output wire             s_ready,
    output wire [WIDTH-1:0] m_data,
    output wire             m_last,
    output wire             m_valid,
    input  wire             m_ready
);
    localparam          CW     = (BEATS > 1) ? $clog2(BEATS) : 1;
    localparam [31:0]   LAST_W = BEATS - 1;
    localparam [CW-1:0] LAST   = LAST_W[CW-1:0];

    reg [CW-1:0] beat_q;

    wire last = (beat_q == LAST);

    always @(posedge clk) begin
        if (rst)
            beat_q <= {CW{1'b0}};
        else if (s_valid & s_ready)
            beat_q <= last ? {CW{1'b0}} : beat_q + 1'b1;
    end

    hwc_skid #(.WIDTH(WIDTH+1)) out_slice (
        .clk(clk), .rst(rst),
        .s_data({last, s_data}), .s_valid(s_valid), .s_ready(s_ready),
        .m_data({m_last, m_data}), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
