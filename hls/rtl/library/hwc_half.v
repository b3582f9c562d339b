// Register slice of one entry, for streams that bring a beat every other cycle
// at most: half the registers of hwc_skid and no multiplexers.
//
// Contract: see hwc_skid. Timing: latency 1, one beat in two cycles; s_ready,
// m_valid and m_data are registers.
module hwc_half #(
    parameter WIDTH = 8  // bits of a beat
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [WIDTH-1:0] s_data,
    input  wire             s_valid,
    output wire             s_ready,
    output wire [WIDTH-1:0] m_data,
    output wire             m_valid,
    input  wire             m_ready
);
    reg [WIDTH-1:0] out_q;
    reg             out_valid_q;

    assign s_ready = ~out_valid_q;
    assign m_data  = out_q;
    assign m_valid = out_valid_q;

    always @(posedge clk) begin
        if (rst)
            out_valid_q <= 1'b0;
        else
            out_valid_q <= out_valid_q ? ~m_ready : s_valid;
    end

    // While the beat waits its data must hold; before that anything may be here.
    always @(posedge clk)
        if (~out_valid_q)
            out_q <= s_data;
endmodule
