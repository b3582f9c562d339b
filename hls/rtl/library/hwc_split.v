// One stream dealt out to COUNT: BEATS[0] beats to the first, BEATS[1] to the
// second, ..., and again; LONGEST is the largest of BEATS.
//
// m_data, m_valid and m_ready hold the outputs side by side, the first lowest.
// Contract: see hwc_skid. Timing: latency 1, one beat a cycle; s_ready depends
// on registers only.
module hwc_split #(
    parameter WIDTH = 8,   // bits of a beat
    parameter COUNT = 2,   // outputs
    parameter [COUNT*32-1:0] BEATS = 64'h0000_0001_0000_0001,  // beats of every output's turn, 32 bits each
    parameter LONGEST = 1  // largest of BEATS
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
    wire [COUNT-1:0] turn;  // one bit: whose turn it is

    assign s_ready = |(room & turn);

    hwc_turn #(.COUNT(COUNT), .LONGEST(LONGEST), .BEATS(BEATS)) turns (
        .clk(clk), .rst(rst), .step(s_valid & s_ready), .turn(turn)
    );

    genvar i;
    generate
        for (i = 0; i < COUNT; i = i + 1) begin : gen_output
            hwc_skid #(.WIDTH(WIDTH)) slice (
                .clk(clk), .rst(rst),
                .s_data(s_data), .s_valid(s_valid & turn[i]), .s_ready(room[i]),
                .m_data(m_data[i*WIDTH +: WIDTH]), .m_valid(m_valid[i]), .m_ready(m_ready[i])
            );
        end
    endgenerate
endmodule
