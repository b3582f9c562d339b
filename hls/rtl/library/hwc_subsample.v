// Keeps every STRIDE_H-th row's every STRIDE_W-th pixel of an image of HEIGHT x
// WIDTH pixels of WORDS beats, from the first one on; the others are dropped.
//
// Contract: see hwc_skid. Timing: latency 1, one input beat a cycle; s_ready is
// a register. Control: hwc_skid, offered only the beats that are kept.
module hwc_subsample #(
    parameter BITS     = 8,  // bits of a beat
    parameter HEIGHT   = 4,  // rows of the image
    parameter WIDTH    = 4,  // columns of the image
    parameter WORDS    = 1,  // beats of a pixel
    parameter STRIDE_H = 2,  // rows from one kept to the next
    parameter STRIDE_W = 2   // columns from one kept to the next
) (
    input  wire            clk,
    input  wire            rst,
    input  wire [BITS-1:0] s_data,
    input  wire            s_valid,
    output wire            s_ready,
    output wire [BITS-1:0] m_data,
    output wire            m_valid,
    input  wire            m_ready
);
    localparam FW = (WORDS > 1) ? $clog2(WORDS) : 1;
    localparam XW = (WIDTH > 1) ? $clog2(WIDTH) : 1;
    localparam YW = (HEIGHT > 1) ? $clog2(HEIGHT) : 1;
    localparam JW = (STRIDE_W > 1) ? $clog2(STRIDE_W) : 1;
    localparam IW = (STRIDE_H > 1) ? $clog2(STRIDE_H) : 1;
    localparam [31:0] F_LAST_W = WORDS - 1;
    localparam [31:0] X_LAST_W = WIDTH - 1;
    localparam [31:0] Y_LAST_W = HEIGHT - 1;
    localparam [31:0] J_LAST_W = STRIDE_W - 1;
    localparam [31:0] I_LAST_W = STRIDE_H - 1;

    reg [FW-1:0] f_q;
    reg [XW-1:0] x_q;
    reg [YW-1:0] y_q;
    reg [JW-1:0] j_q;  // column and row modulo the strides
    reg [IW-1:0] i_q;

    wire take  = s_valid & s_ready;
    wire end_f = (f_q == F_LAST_W[FW-1:0]);
    wire end_x = end_f & (x_q == X_LAST_W[XW-1:0]);
    wire end_y = end_x & (y_q == Y_LAST_W[YW-1:0]);
    wire keep  = (j_q == {JW{1'b0}}) & (i_q == {IW{1'b0}});

    always @(posedge clk) begin
        if (rst) begin
            f_q <= {FW{1'b0}};
            x_q <= {XW{1'b0}};
            y_q <= {YW{1'b0}};
            j_q <= {JW{1'b0}};
            i_q <= {IW{1'b0}};
        end else if (take) begin
            f_q <= end_f ? {FW{1'b0}} : f_q + 1'b1;
            if (end_f) begin
                x_q <= end_x ? {XW{1'b0}} : x_q + 1'b1;
                j_q <= (end_x | (j_q == J_LAST_W[JW-1:0])) ? {JW{1'b0}} : j_q + 1'b1;
            end
            if (end_x) begin
                y_q <= end_y ? {YW{1'b0}} : y_q + 1'b1;
                i_q <= (end_y | (i_q == I_LAST_W[IW-1:0])) ? {IW{1'b0}} : i_q + 1'b1;
            end
        end
    end

    hwc_skid #(.WIDTH(BITS)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(s_data), .s_valid(s_valid & keep), .s_ready(s_ready),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
