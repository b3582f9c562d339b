// Width converter: RATIO beats of WIDTH bits become one beat of RATIO * WIDTH
// bits, the first beat lowest. RATIO >= 2.
//
// Contract: see hwc_skid. Timing: latency 1 after the last part, one input
// beat a cycle; s_ready depends on registers only.
module hwc_width_up #(
    parameter WIDTH = 8,  // bits of an input beat
    parameter RATIO = 2   // input beats of an output beat, at least 2
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire [WIDTH-1:0]       s_data,
    input  wire                   s_valid,
    output wire                   s_ready,
    output wire [RATIO*WIDTH-1:0] m_data,
    output wire                   m_valid,
    input  wire                   m_ready
);
    localparam          CW     = $clog2(RATIO);
    localparam [31:0]   LAST_W = RATIO - 1;
    localparam [CW-1:0] LAST   = LAST_W[CW-1:0];

    reg [(RATIO-1)*WIDTH-1:0] parts_q;
    reg [CW-1:0]              part_q;

    wire                   en;
    wire                   last = (part_q == LAST);
    wire [RATIO*WIDTH-1:0] wide = {s_data, parts_q};

    assign s_ready = en | ~last;

    always @(posedge clk)
        if (s_valid & s_ready)
            parts_q <= wide[RATIO*WIDTH-1:WIDTH];

    always @(posedge clk) begin
        if (rst)
            part_q <= {CW{1'b0}};
        else if (s_valid & s_ready)
            part_q <= last ? {CW{1'b0}} : part_q + 1'b1;
    end

    hwc_half #(.WIDTH(RATIO*WIDTH)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(wide), .s_valid(s_valid & last), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
