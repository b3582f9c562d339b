// COUNT streams side by side in one beat.
//
// A beat of every input is taken at once; input i has LANES[i] elements for
// each of PIXELS pixels, of WIDTHS[i] bits, of KINDS[i], see
// hwc_cast; they leave as elements of OUT_BITS. OFFSETS[i] is the lowest bit
// of its part of s_data, PLACES[i] that of its part of the PIXEL bits of every
// pixel of m_data.
// Contract: see hwc_skid; a ready also depends on the valid of the other
// inputs. Timing: latency 1, one beat a cycle.
module hwc_zip #(
    parameter COUNT    = 2,                    // inputs
    parameter S_WIDTH  = 8,                    // bits of s_data
    parameter PIXELS   = 1,                    // pixels of a beat
    parameter PIXEL    = 8,                    // bits of a pixel of the wide stream
    parameter [COUNT*32-1:0] LANES   = 64'h0000_0001_0000_0001,  // elements of every input's pixel
    parameter [COUNT*32-1:0] OFFSETS = 64'h0000_0004_0000_0000,  // lowest bit of every input in s_data
    parameter [COUNT*32-1:0] PLACES  = 64'h0000_0004_0000_0000,  // lowest bit of every part in a pixel
    parameter [COUNT*16-1:0] WIDTHS  = 32'h0004_0004,  // bits of every input's element
    parameter [COUNT*4-1:0]  KINDS   = 8'h00,  // KIND of every input's elements
    parameter OUT_BITS = 4                     // bits of an output element
) (
    input  wire                    clk,
    input  wire                    rst,
    input  wire [S_WIDTH-1:0]      s_data,
    input  wire [COUNT-1:0]        s_valid,
    output wire [COUNT-1:0]        s_ready,
    output wire [PIXELS*PIXEL-1:0] m_data,
    output wire                    m_valid,
    input  wire                    m_ready
);
    wire                    en;
    wire [PIXELS*PIXEL-1:0] y;

    genvar i, p;
    generate
        for (i = 0; i < COUNT; i = i + 1) begin : gen_input
            localparam N    = LANES[i*32 +: 32];
            localparam BITS = WIDTHS[i*16 +: 16];
            localparam FROM = OFFSETS[i*32 +: 32];
            localparam TO   = PLACES[i*32 +: 32];
            wire [COUNT-1:0] others = s_valid | ({{(COUNT-1){1'b0}}, 1'b1} << i);
            assign s_ready[i] = en & (&others);
            for (p = 0; p < PIXELS; p = p + 1) begin : gen_pixel
                hwc_cast #(
                    .LANES(N), .IN_BITS(BITS), .KIND(KINDS[i*4 +: 4]), .OUT_BITS(OUT_BITS)
                ) cast (
                    .x(s_data[FROM+p*N*BITS +: N*BITS]), .y(y[p*PIXEL+TO +: N*OUT_BITS])
                );
            end
        end
    endgenerate

    hwc_skid #(.WIDTH(PIXELS*PIXEL)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(y), .s_valid(&s_valid), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
