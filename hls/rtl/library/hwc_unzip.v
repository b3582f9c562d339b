// One beat cut into COUNT streams: WIDTHS[i] bits from bit OFFSETS[i] on.
//
// m_data holds the parts as s_data does. Each has a register slice of its own;
// a beat is taken when all of them have room.
// Contract: see hwc_skid. Timing: latency 1, one beat a cycle; s_ready depends
// on registers only.
module hwc_unzip #(
    parameter WIDTH = 8,
    parameter COUNT = 2,
    parameter [COUNT*32-1:0] OFFSETS = 64'h0000_0004_0000_0000,
    parameter [COUNT*32-1:0] WIDTHS  = 64'h0000_0004_0000_0004
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [WIDTH-1:0] s_data,
    input  wire             s_valid,
    output wire             s_ready,
    output wire [WIDTH-1:0] m_data,
    output wire [COUNT-1:0] m_valid,
    input  wire [COUNT-1:0] m_ready
);
    wire [COUNT-1:0] room;

    assign s_ready = &room;

    genvar i;
    generate
        for (i = 0; i < COUNT; i = i + 1) begin : gen_part
            localparam FROM = OFFSETS[i*32 +: 32];
            localparam BITS = WIDTHS[i*32 +: 32];
            hwc_skid #(.WIDTH(BITS)) slice (
                .clk(clk), .rst(rst),
                .s_data(s_data[FROM +: BITS]), .s_valid(s_valid & s_ready), .s_ready(room[i]),
                .m_data(m_data[FROM +: BITS]), .m_valid(m_valid[i]), .m_ready(m_ready[i])
            );
        end
    endgenerate
endmodule
