// Pooling whose windows do not overlap (KERNEL <= STRIDE, no padding), down to
// one window of the whole image: each lane's largest element (SUM = 0) or sum
// (SUM = 1) over every window.
//
// In: an image of HEIGHT x WIDTH pixels of WORDS beats. One accumulator for
// every beat of a row of output pixels, in a memory; no pixel is stored.
// KIND, SUM, IN_BITS, OUT_BITS: see hwc_reduce_lane.
//
// Contract: see hwc_skid. Timing: latency 3 from a window's last beat, one
// input beat a cycle; s_ready depends on registers only. One write and one
// registered read port.
// Control: a pipeline of two stages that move on en, then hwc_slice; the beats
// of the last pixel of a window give an output beat, the others none.
module hwc_pool #(
    parameter LANES      = 1,  // elements of a beat
    parameter IN_BITS    = 4,  // bits of an input element
    parameter KIND       = 0,  // of the input: 0 unsigned, 1 signed, 2 bipolar
    parameter SUM        = 0,  // 0 maximum, 1 sum
    parameter OUT_BITS   = 4,  // bits of an output element
    parameter HEIGHT     = 4,  // rows of the image
    parameter WIDTH      = 4,  // columns of the image
    parameter WORDS      = 1,  // beats of a pixel
    parameter KERNEL_H   = 2,  // kernel rows
    parameter KERNEL_W   = 2,  // kernel columns
    parameter STRIDE_H   = 2,  // rows from window to window
    parameter STRIDE_W   = 2,  // columns from window to window
    parameter OUT_HEIGHT = 2,  // output rows
    parameter OUT_WIDTH  = 2   // output columns
) (
    input  wire                      clk,
    input  wire                      rst,
    input  wire [LANES*IN_BITS-1:0]  s_data,
    input  wire                      s_valid,
    output wire                      s_ready,
    output wire [LANES*OUT_BITS-1:0] m_data,
    output wire                      m_valid,
    input  wire                      m_ready
);
    localparam integer DEPTH = OUT_WIDTH * WORDS;
    localparam AW = (DEPTH > 1) ? $clog2(DEPTH) : 1;
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
    localparam [31:0] J_TAKE_W = KERNEL_W - 1;
    localparam [31:0] I_TAKE_W = KERNEL_H - 1;
    // Columns and rows behind these belong to no window.
    localparam [31:0] X_STOP_W = (OUT_WIDTH - 1) * STRIDE_W + KERNEL_W - 1;
    localparam [31:0] Y_STOP_W = (OUT_HEIGHT - 1) * STRIDE_H + KERNEL_H - 1;
    localparam [31:0] BACK_W   = WORDS - 1;
    // Two columns of windows of one beat finish at least two cycles apart.
    localparam integer PERIOD = (WORDS == 1 && KERNEL_W > 1) ? 2 : 1;

    // ---- where the arriving beat lies
    reg [FW-1:0] f_q;
    reg [XW-1:0] x_q;
    reg [YW-1:0] y_q;
    reg [JW-1:0] j_q;     // column and row modulo the strides
    reg [IW-1:0] i_q;
    reg [AW-1:0] addr_q;  // its accumulator

    wire en;
    wire take   = s_valid & en;
    wire end_f  = (f_q == F_LAST_W[FW-1:0]);
    wire end_j  = (j_q == J_LAST_W[JW-1:0]);
    wire end_x  = end_f & (x_q == X_LAST_W[XW-1:0]);
    wire end_y  = end_x & (y_q == Y_LAST_W[YW-1:0]);
    // One bit more: a limit may be the largest number there is.
    wire counted = ({1'b0, j_q} <= J_TAKE_W[JW:0]) & ({1'b0, i_q} <= I_TAKE_W[IW:0])
                 & ({1'b0, x_q} <= X_STOP_W[XW:0]) & ({1'b0, y_q} <= Y_STOP_W[YW:0]);

    assign s_ready = en;

    always @(posedge clk) begin
        if (rst) begin
            f_q    <= {FW{1'b0}};
            x_q    <= {XW{1'b0}};
            y_q    <= {YW{1'b0}};
            j_q    <= {JW{1'b0}};
            i_q    <= {IW{1'b0}};
            addr_q <= {AW{1'b0}};
        end else if (take) begin
            f_q    <= end_f ? {FW{1'b0}} : f_q + 1'b1;
            addr_q <= end_x ? {AW{1'b0}}
                    : (end_f & ~end_j) ? addr_q - BACK_W[AW-1:0] : addr_q + 1'b1;
            if (end_f) begin
                x_q <= end_x ? {XW{1'b0}} : x_q + 1'b1;
                j_q <= (end_x | end_j) ? {JW{1'b0}} : j_q + 1'b1;
            end
            if (end_x) begin
                y_q <= end_y ? {YW{1'b0}} : y_q + 1'b1;
                i_q <= (end_y | (i_q == I_LAST_W[IW-1:0])) ? {IW{1'b0}} : i_q + 1'b1;
            end
        end
    end

    // ---- stage 1: element and accumulator; stage 2: the new accumulator
    reg [LANES*IN_BITS-1:0]   x_1_q;
    reg [AW-1:0]              addr_1_q, addr_2_q;
    reg                       first_1_q, last_1_q, valid_1_q, valid_2_q;
    reg [LANES*OUT_BITS-1:0]  memory [0:DEPTH-1];
    reg [LANES*OUT_BITS-1:0]  read_q;
    reg [LANES*OUT_BITS-1:0]  acc_q;
    wire [LANES*OUT_BITS-1:0] acc;
    // The beat before may have changed this accumulator after it was read.
    wire [LANES*OUT_BITS-1:0] prior = (WORDS == 1 && addr_1_q == addr_2_q) ? acc_q : read_q;

    always @(posedge clk)
        if (en) begin
            x_1_q     <= s_data;
            addr_1_q  <= addr_q;
            first_1_q <= (j_q == {JW{1'b0}}) & (i_q == {IW{1'b0}});
            last_1_q  <= (j_q == J_TAKE_W[JW-1:0]) & (i_q == I_TAKE_W[IW-1:0]);
            read_q    <= memory[addr_q];
            if (valid_1_q) begin
                acc_q            <= acc;
                addr_2_q         <= addr_1_q;
                memory[addr_1_q] <= acc;
            end
        end

    always @(posedge clk) begin
        if (rst) begin
            valid_1_q <= 1'b0;
            valid_2_q <= 1'b0;
        end else if (en) begin
            valid_1_q <= s_valid & counted;
            valid_2_q <= valid_1_q & last_1_q;
        end
    end

    genvar n;
    generate
        for (n = 0; n < LANES; n = n + 1) begin : gen_lane
            hwc_reduce_lane #(
                .IN_BITS(IN_BITS), .KIND(KIND), .SUM(SUM), .OUT_BITS(OUT_BITS)
            ) lane (
                .x(x_1_q[n*IN_BITS +: IN_BITS]), .prior(prior[n*OUT_BITS +: OUT_BITS]),
                .first(first_1_q), .y(acc[n*OUT_BITS +: OUT_BITS])
            );
        end
        if (WORDS > 1) begin : gen_unused
            // Beats of one accumulator are never neighbours.
            wire unused = &{1'b0, addr_2_q};
        end
    endgenerate

    hwc_slice #(.WIDTH(LANES*OUT_BITS), .PERIOD(PERIOD)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(acc_q), .s_valid(valid_2_q), .go(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
