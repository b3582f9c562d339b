// COUNT streams side by side in one beat.
//
// A beat of every input is taken at once; input i has LANES[i] elements of
// WIDTHS[i] bits, of KINDS[i]: 0 unsigned, 1 signed, 2 bipolar; they leave as
// elements of OUT_BITS. OFFSETS[i] and PLACES[i] are the lowest bits of its
// part of s_data and of m_data.
// Contract: see hwc_skid; a ready also depends on the valid of the other
// inputs. Timing: latency 1, one beat a cycle.
module hwc_zip #(
    parameter COUNT    = 2,
    parameter S_WIDTH  = 8,
    parameter M_WIDTH  = 8,
    parameter [COUNT*32-1:0] LANES   = 64'h0000_0001_0000_0001,
    parameter [COUNT*32-1:0] OFFSETS = 64'h0000_0004_0000_0000,
    parameter [COUNT*32-1:0] PLACES  = 64'h0000_0004_0000_0000,
    parameter [COUNT*16-1:0] WIDTHS  = 32'h0004_0004,
    parameter [COUNT*4-1:0]  KINDS   = 8'h00,
    parameter OUT_BITS = 4
) (
    input  wire               clk,
    input  wire               rst,
    input  wire [S_WIDTH-1:0] s_data,
    input  wire [COUNT-1:0]   s_valid,
    output wire [COUNT-1:0]   s_ready,
    output wire [M_WIDTH-1:0] m_data,
    output wire               m_valid,
    input  wire               m_ready
);
    wire               en;
    wire [M_WIDTH-1:0] y;

    genvar i;
    generate
        for (i = 0; i < COUNT; i = i + 1) begin : gen_input
            localparam N    = LANES[i*32 +: 32];
            localparam BITS = WIDTHS[i*16 +: 16];
            localparam FROM = OFFSETS[i*32 +: 32];
            localparam TO   = PLACES[i*32 +: 32];
            wire [COUNT-1:0] others = s_valid | ({{(COUNT-1){1'b0}}, 1'b1} << i);
            assign s_ready[i] = en & (&others);
            hwc_cast #(
                .LANES(N), .IN_BITS(BITS), .KIND(KINDS[i*4 +: 4]), .OUT_BITS(OUT_BITS)
            ) cast (.x(s_data[FROM +: N*BITS]), .y(y[TO +: N*OUT_BITS]));
        end
    endgenerate

    hwc_skid #(.WIDTH(M_WIDTH)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(y), .s_valid(&s_valid), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
