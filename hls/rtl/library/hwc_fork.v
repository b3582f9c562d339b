// Fork: every beat goes to COUNT streams. COUNT >= 2.
//
// Each copy has a register slice of its own; a beat is taken when all of them
// have room, so that no copy is ever ahead by more than two beats.
// m_data, m_valid and m_ready hold the copies side by side, the first lowest.
// Contract: see hwc_skid. Timing: latency 1, one beat a cycle; s_ready depends
// on registers only.
module hwc_fork #(
    parameter WIDTH = 8,  // bits of a beat
    parameter COUNT = 2   // copies
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire [WIDTH-1:0]       s_data,
    input  wire                   s_valid,
    output wire                   s_ready,
    output wire [COUNT*WIDTH-1:0] m_data,
    output wire [COUNT-1:0]       m_valid,
    input  wire [COUNT-1:0]       m_ready
);
    wire [COUNT-1:0] room;

    assign s_ready = &room;

    genvar i;
    generate
        for (i = 0; i < COUNT; i = i + 1) begin : gen_copy
            hwc_skid #(.WIDTH(WIDTH)) slice (
                .clk(clk), .rst(rst),
                .s_data(s_data), .s_valid(s_valid & s_ready), .s_ready(room[i]),
                .m_data(m_data[i*WIDTH +: WIDTH]), .m_valid(m_valid[i]), .m_ready(m_ready[i])
            );
        end
    endgenerate
endmodule
