// Width converter: one beat of RATIO * WIDTH bits becomes RATIO beats of WIDTH
// bits, lowest bits first. RATIO >= 2.
//
// Contract: see hwc_skid. Timing: latency 2, one output beat a cycle; s_ready
// depends on registers only.
module hwc_width_down #(
    parameter WIDTH = 8,  // bits of an output beat
    parameter RATIO = 2   // output beats of an input beat, at least 2
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire [RATIO*WIDTH-1:0] s_data,
    input  wire                   s_valid,
    output wire                   s_ready,
    output wire [WIDTH-1:0]       m_data,
    output wire                   m_valid,
    input  wire                   m_ready
);
    localparam          CW     = $clog2(RATIO);
    localparam [31:0]   LAST_W = RATIO - 1;
    localparam [CW-1:0] LAST   = LAST_W[CW-1:0];

    reg [RATIO*WIDTH-1:0] hold_q;
    reg [CW-1:0]          part_q;
    reg                   full_q;

    wire en;
    wire last = (part_q == LAST);
    wire load = s_valid & s_ready;

    assign s_ready = ~full_q | (en & last);

    always @(posedge clk) begin
        if (load)
            hold_q <= s_data;
        else if (en)
            hold_q <= {{WIDTH{1'b0}}, hold_q[RATIO*WIDTH-1:WIDTH]};
    end

    always @(posedge clk) begin
        if (rst) begin
            part_q <= {CW{1'b0}};
            full_q <= 1'b0;
        end else begin
            if (en & full_q)
                part_q <= last ? {CW{1'b0}} : part_q + 1'b1;
            if (load)
                full_q <= 1'b1;
            else if (en & last)
                full_q <= 1'b0;
        end
    end

    hwc_skid #(.WIDTH(WIDTH)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(hold_q[WIDTH-1:0]), .s_valid(full_q), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
