// One beat cut into COUNT streams: of each of PIXELS pixels of PIXEL bits, the
// WIDTHS[i] bits from bit OFFSETS[i] on.
//
// m_data holds the streams side by side, the first lowest. Each has a register
// slice of its own; a beat is taken when all of them have room.
// Contract: see hwc_skid. Timing: latency 1, one beat a cycle; s_ready depends
// on registers only.
module hwc_unzip #(
    parameter PIXELS = 1,  // pixels of a beat
    parameter PIXEL  = 8,  // bits of a pixel of the wide stream
    parameter COUNT  = 2,  // outputs
    parameter [COUNT*32-1:0] OFFSETS = 64'h0000_0004_0000_0000,  // lowest bit of every part in a pixel
    parameter [COUNT*32-1:0] WIDTHS  = 64'h0000_0004_0000_0004  // bits of every part
) (
    input  wire                    clk,
    input  wire                    rst,
    input  wire [PIXELS*PIXEL-1:0] s_data,
    input  wire                    s_valid,
    output wire                    s_ready,
    output wire [PIXELS*PIXEL-1:0] m_data,
    output wire [COUNT-1:0]        m_valid,
    input  wire [COUNT-1:0]        m_ready
);
    wire [COUNT-1:0] room;

    assign s_ready = &room;

    genvar i, p;
    generate
        for (i = 0; i < COUNT; i = i + 1) begin : gen_part
            localparam FROM = OFFSETS[i*32 +: 32];
            localparam BITS = WIDTHS[i*32 +: 32];
            wire [PIXELS*BITS-1:0] part;
            for (p = 0; p < PIXELS; p = p + 1) begin : gen_pixel
                assign part[p*BITS +: BITS] = s_data[p*PIXEL+FROM +: BITS];
            end
            hwc_skid #(.WIDTH(PIXELS*BITS)) slice (
                .clk(clk), .rst(rst),
                .s_data(part), .s_valid(s_valid & s_ready), .s_ready(room[i]),
                .m_data(m_data[PIXELS*FROM +: PIXELS*BITS]),
                .m_valid(m_valid[i]), .m_ready(m_ready[i])
            );
        end
    endgenerate
endmodule
