// Register slice: a stream buffer of two entries that cuts every path.
//
// Contract (of every hwc_ stream): a beat passes when valid and ready are 1 at
// a rising edge; valid never waits for ready; data holds while valid & !ready.
// The upstream keeps valid at 0 while rst is 1.
// Timing: latency 1, one beat a cycle; s_ready, m_valid and m_data are
// registers.
module hwc_skid #(
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
    reg [WIDTH-1:0] spare_q;
    reg             out_valid_q;
    reg             spare_free_q;

    assign s_ready = spare_free_q;
    assign m_data  = out_q;
    assign m_valid = out_valid_q;

    wire out_free = m_ready | ~out_valid_q;

    always @(posedge clk) begin
        if (rst) begin
            out_valid_q  <= 1'b0;
            spare_free_q <= 1'b1;
        end else if (out_free) begin
            out_valid_q  <= s_valid | ~spare_free_q;
            spare_free_q <= 1'b1;
        end else if (s_valid) begin
            spare_free_q <= 1'b0;
        end
    end

    always @(posedge clk) begin
        if (out_free)
            out_q <= spare_free_q ? s_data : spare_q;
        if (spare_free_q)
            spare_q <= s_data;
    end
endmodule
