// Sliding window: the elements under each kernel position of an image.
//
// In: an image of HEIGHT x WIDTH pixels, each of WORDS beats of LANES elements.
// Out: for every output pixel, for every group, FOLDS times, for every kernel
// row and column, the WORDS / GROUPS beats of that group. Positions outside the
// image (PAD_TOP rows above, PAD_LEFT columns to the left, whatever OUT_HEIGHT
// and OUT_WIDTH reach below and to the right) give the beat PAD; they are made
// while reading and cost neither memory nor input cycles.
// KIND, IN_BITS, OUT_BITS: see hwc_cast.
//
// The buffer is a ring of ROWS image rows (generator: the reach of the kernel
// twice, and at least reach + stride), written and read independently, so that
// the next rows and the next image arrive while windows leave. All positions
// count beats from the start of the image being read.
//
// Contract: see hwc_skid. Timing: a window starts 3 cycles after its last
// element has come in; one output and one input beat a cycle; s_ready is a
// register. One write and one registered read port.
module hwc_window #(
    parameter LANES      = 1,               // elements of a beat
    parameter IN_BITS    = 4,               // bits of an input element
    parameter KIND       = 0,               // of the input: 0 unsigned, 1 signed, 2 bipolar
    parameter OUT_BITS   = 4,               // bits of an output element
    parameter HEIGHT     = 4,               // rows of the image
    parameter WIDTH      = 4,               // columns of the image
    parameter WORDS      = 1,               // beats of a pixel
    parameter GROUPS     = 1,               // groups of channels
    parameter FOLDS      = 1,               // times that a window leaves
    parameter KERNEL_H   = 3,               // kernel rows
    parameter KERNEL_W   = 3,               // kernel columns
    parameter STRIDE_H   = 1,               // rows from window to window
    parameter STRIDE_W   = 1,               // columns from window to window
    parameter DILATION_H = 1,               // rows from tap to tap
    parameter DILATION_W = 1,               // columns from tap to tap
    parameter PAD_TOP    = 0,               // padding rows above
    parameter PAD_LEFT   = 0,               // padding columns to the left
    parameter OUT_HEIGHT = 2,               // output rows
    parameter OUT_WIDTH  = 2,               // output columns
    parameter ROWS       = 6,               // rows of the ring
    parameter [LANES*OUT_BITS-1:0] PAD = 0  // a beat of padding
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
    localparam integer ROW    = WIDTH * WORDS;
    localparam integer IMAGE  = HEIGHT * ROW;
    localparam integer DEPTH  = ROWS * ROW;
    localparam integer INNER  = WORDS / GROUPS;
    localparam integer REACH_H = DILATION_H * (KERNEL_H - 1) + 1;
    localparam integer REACH_W = DILATION_W * (KERNEL_W - 1) + 1;
    localparam integer SPAN_H = (OUT_HEIGHT - 1) * STRIDE_H + REACH_H;  // padded rows read
    localparam integer SPAN_W = (OUT_WIDTH - 1) * STRIDE_W + REACH_W;
    localparam integer PADDED = (PAD_TOP > 0 || PAD_LEFT > 0 || SPAN_H - PAD_TOP > HEIGHT
                                 || SPAN_W - PAD_LEFT > WIDTH) ? 1 : 0;
    localparam integer AW = $clog2(DEPTH);
    // Positions lie between minus one image (or the padding) and one image plus the ring.
    localparam integer PW = $clog2((2 * HEIGHT + ROWS + PAD_TOP + STRIDE_H) * ROW + 2) + 1;

    localparam integer FW = (INNER > 1) ? $clog2(INNER) : 1;
    localparam integer KWW = (KERNEL_W > 1) ? $clog2(KERNEL_W) : 1;
    localparam integer KHW = (KERNEL_H > 1) ? $clog2(KERNEL_H) : 1;
    localparam integer NW = (FOLDS > 1) ? $clog2(FOLDS) : 1;
    localparam integer GW = (GROUPS > 1) ? $clog2(GROUPS) : 1;
    localparam integer XW = (OUT_WIDTH > 1) ? $clog2(OUT_WIDTH) : 1;
    localparam integer YW = (OUT_HEIGHT > 1) ? $clog2(OUT_HEIGHT) : 1;
    localparam [31:0] F_LAST_W = INNER - 1;
    localparam [31:0] KW_LAST_W = KERNEL_W - 1;
    localparam [31:0] KH_LAST_W = KERNEL_H - 1;
    localparam [31:0] N_LAST_W = FOLDS - 1;
    localparam [31:0] G_LAST_W = GROUPS - 1;
    localparam [31:0] X_LAST_W = OUT_WIDTH - 1;
    localparam [31:0] Y_LAST_W = OUT_HEIGHT - 1;

    // Steps of the read address, modulo the ring, by the innermost loop that continues.
    localparam integer TO_COLUMN = DILATION_W * WORDS - (INNER - 1);
    localparam integer TO_ROW    = DILATION_H * ROW - (REACH_W - 1) * WORDS - (INNER - 1);
    localparam integer TO_REPEAT = -((REACH_H - 1) * ROW + (REACH_W - 1) * WORDS + INNER - 1);
    localparam integer TO_GROUP  = TO_REPEAT + INNER;
    localparam integer TO_PIXEL  = TO_REPEAT - (GROUPS - 1) * INNER + STRIDE_W * WORDS;
    localparam integer TO_LINE   = TO_REPEAT - (GROUPS - 1) * INNER
                                 + STRIDE_H * ROW - (OUT_WIDTH - 1) * STRIDE_W * WORDS;
    localparam integer TO_IMAGE  = TO_REPEAT - (GROUPS - 1) * INNER + IMAGE
                                 - (OUT_HEIGHT - 1) * STRIDE_H * ROW
                                 - (OUT_WIDTH - 1) * STRIDE_W * WORDS;
    localparam integer ORIGIN    = -(PAD_TOP * ROW + PAD_LEFT * WORDS);
    localparam [31:0] STEP_BEAT_W   = 1 % DEPTH;
    localparam [31:0] STEP_COLUMN_W = ((TO_COLUMN % DEPTH) + DEPTH) % DEPTH;
    localparam [31:0] STEP_ROW_W    = ((TO_ROW % DEPTH) + DEPTH) % DEPTH;
    localparam [31:0] STEP_REPEAT_W = ((TO_REPEAT % DEPTH) + DEPTH) % DEPTH;
    localparam [31:0] STEP_GROUP_W  = ((TO_GROUP % DEPTH) + DEPTH) % DEPTH;
    localparam [31:0] STEP_PIXEL_W  = ((TO_PIXEL % DEPTH) + DEPTH) % DEPTH;
    localparam [31:0] STEP_LINE_W   = ((TO_LINE % DEPTH) + DEPTH) % DEPTH;
    localparam [31:0] STEP_IMAGE_W  = ((TO_IMAGE % DEPTH) + DEPTH) % DEPTH;
    localparam [31:0] ORIGIN_W      = ((ORIGIN % DEPTH) + DEPTH) % DEPTH;
    localparam [31:0] DEPTH_W       = DEPTH;
    localparam [31:0] RING_LAST_W   = DEPTH - 1;

    // Last row and column that the first window needs, and the last ones there are.
    localparam integer ROW_FIRST = (REACH_H - 1 > PAD_TOP) ? REACH_H - 1 - PAD_TOP : 0;
    localparam integer COL_FIRST = (REACH_W - 1 > PAD_LEFT) ? REACH_W - 1 - PAD_LEFT : 0;
    localparam integer ROW_START = (ROW_FIRST < HEIGHT) ? ROW_FIRST : HEIGHT - 1;
    localparam integer COL_START = (COL_FIRST < WIDTH) ? COL_FIRST : WIDTH - 1;
    localparam [31:0] ROW_START_W = ROW_START * ROW;
    localparam [31:0] ROW_STOP_W  = (HEIGHT - 1) * ROW;
    localparam [31:0] ROW_STEP_W  = STRIDE_H * ROW;
    localparam [31:0] COL_START_W = (COL_START + 1) * WORDS;
    localparam [31:0] COL_STOP_W  = WIDTH * WORDS;
    localparam [31:0] COL_STEP_W  = STRIDE_W * WORDS;
    localparam [31:0] TOP_START_W = -(PAD_TOP * ROW);
    localparam [31:0] IMAGE_W     = IMAGE;
    localparam [31:0] ROOM_W      = DEPTH - 1;
    localparam signed [PW-1:0] ROW_FROM = ROW_START_W[PW-1:0];
    localparam signed [PW-1:0] ROW_STOP = ROW_STOP_W[PW-1:0];
    localparam signed [PW-1:0] ROW_STEP = ROW_STEP_W[PW-1:0];
    localparam signed [PW-1:0] COL_FROM = COL_START_W[PW-1:0];
    localparam signed [PW-1:0] COL_STOP = COL_STOP_W[PW-1:0];
    localparam signed [PW-1:0] COL_STEP = COL_STEP_W[PW-1:0];
    localparam signed [PW-1:0] TOP_FROM = TOP_START_W[PW-1:0];
    localparam signed [PW-1:0] WHOLE    = IMAGE_W[PW-1:0];
    localparam signed [PW-1:0] ROOM     = ROOM_W[PW-1:0];

    // ---- loops of the reader
    reg [FW-1:0]  f_q;
    reg [KWW-1:0] kw_q;
    reg [KHW-1:0] kh_q;
    reg [NW-1:0]  n_q;
    reg [GW-1:0]  g_q;
    reg [XW-1:0]  x_q;
    reg [YW-1:0]  y_q;

    wire en;
    wire go;
    wire read     = en & go;
    wire end_f    = (f_q == F_LAST_W[FW-1:0]);
    wire end_kw   = end_f & (kw_q == KW_LAST_W[KWW-1:0]);
    wire end_kh   = end_kw & (kh_q == KH_LAST_W[KHW-1:0]);
    wire end_n    = end_kh & (n_q == N_LAST_W[NW-1:0]);
    wire end_g    = end_n & (g_q == G_LAST_W[GW-1:0]);
    wire end_x    = end_g & (x_q == X_LAST_W[XW-1:0]);
    wire end_y    = end_x & (y_q == Y_LAST_W[YW-1:0]);

    always @(posedge clk) begin
        if (rst) begin
            f_q  <= {FW{1'b0}};
            kw_q <= {KWW{1'b0}};
            kh_q <= {KHW{1'b0}};
            n_q  <= {NW{1'b0}};
            g_q  <= {GW{1'b0}};
            x_q  <= {XW{1'b0}};
            y_q  <= {YW{1'b0}};
        end else if (read) begin
            f_q <= end_f ? {FW{1'b0}} : f_q + 1'b1;
            if (end_f)  kw_q <= end_kw ? {KWW{1'b0}} : kw_q + 1'b1;
            if (end_kw) kh_q <= end_kh ? {KHW{1'b0}} : kh_q + 1'b1;
            if (end_kh) n_q  <= end_n  ? {NW{1'b0}}  : n_q + 1'b1;
            if (end_n)  g_q  <= end_g  ? {GW{1'b0}}  : g_q + 1'b1;
            if (end_g)  x_q  <= end_x  ? {XW{1'b0}}  : x_q + 1'b1;
            if (end_x)  y_q  <= end_y  ? {YW{1'b0}}  : y_q + 1'b1;
        end
    end

    // ---- what has come in, what the window needs, what may be overwritten
    reg                  inside_q;   // in the middle of a window
    reg                  room_q;     // as of one cycle ago, when one beat more was free
    reg signed [PW-1:0]  written_q;  // beats written; negative: of the image before
    reg signed [PW-1:0]  row_q;      // start of the last row that the window needs
    reg signed [PW-1:0]  col_q;      // end of the last pixel that it needs in that row
    reg signed [PW-1:0]  top_q;      // start of the window's first row; negative above the image

    wire                 write    = s_valid & room_q;
    wire signed [PW-1:0] row_next = row_q + ROW_STEP;
    wire signed [PW-1:0] col_next = col_q + COL_STEP;
    wire signed [PW-1:0] top_next = top_q + ROW_STEP;
    wire signed [PW-1:0] kept     = top_q[PW-1] ? {PW{1'b0}} : top_q;
    wire signed [PW-1:0] need     = row_q + col_q;
    wire signed [PW-1:0] held     = written_q - kept;

    assign go      = inside_q | (written_q >= need);
    assign s_ready = room_q;

    always @(posedge clk) begin
        if (rst) begin
            inside_q  <= 1'b0;
            room_q    <= 1'b0;
            written_q <= {PW{1'b0}};
            row_q     <= ROW_FROM;
            col_q     <= COL_FROM;
            top_q     <= TOP_FROM;
        end else begin
            room_q    <= (held < ROOM);
            written_q <= written_q + {{(PW-1){1'b0}}, write}
                       - ((read & end_y) ? WHOLE : {PW{1'b0}});
            if (read) begin
                inside_q <= ~end_g;
                if (end_g)
                    col_q <= end_x ? COL_FROM : (col_next > COL_STOP) ? COL_STOP : col_next;
                if (end_x) begin
                    row_q <= end_y ? ROW_FROM : (row_next > ROW_STOP) ? ROW_STOP : row_next;
                    top_q <= end_y ? TOP_FROM : (top_next > WHOLE) ? WHOLE : top_next;
                end
            end
        end
    end

    // ---- the ring
    reg [LANES*IN_BITS-1:0] ring [0:DEPTH-1];
    reg [AW-1:0]            wr_q;
    reg [AW-1:0]            rd_q;
    reg [LANES*IN_BITS-1:0] read_q;
    reg                     valid_q;
    wire [AW-1:0]           step = ~end_f  ? STEP_BEAT_W[AW-1:0]
                                 : ~end_kw ? STEP_COLUMN_W[AW-1:0]
                                 : ~end_kh ? STEP_ROW_W[AW-1:0]
                                 : ~end_n  ? STEP_REPEAT_W[AW-1:0]
                                 : ~end_g  ? STEP_GROUP_W[AW-1:0]
                                 : ~end_x  ? STEP_PIXEL_W[AW-1:0]
                                 : ~end_y  ? STEP_LINE_W[AW-1:0]
                                 :           STEP_IMAGE_W[AW-1:0];
    wire [AW:0]             sum  = {1'b0, rd_q} + {1'b0, step};
    wire                    over = (sum >= DEPTH_W[AW:0]);
    wire [AW-1:0]           wrapped = sum[AW-1:0] - DEPTH_W[AW-1:0];

    always @(posedge clk) begin
        if (write)
            ring[wr_q] <= s_data;
        if (en)
            read_q <= ring[rd_q];
    end

    always @(posedge clk) begin
        if (rst) begin
            wr_q    <= {AW{1'b0}};
            rd_q    <= ORIGIN_W[AW-1:0];
            valid_q <= 1'b0;
        end else begin
            if (write)
                wr_q <= (wr_q == RING_LAST_W[AW-1:0]) ? {AW{1'b0}} : wr_q + 1'b1;
            if (read)
                rd_q <= over ? wrapped : sum[AW-1:0];
            if (en)
                valid_q <= go;
        end
    end

    // ---- padding
    wire [LANES*OUT_BITS-1:0] cast_data;
    wire [LANES*OUT_BITS-1:0] out_data;

    hwc_cast #(.LANES(LANES), .IN_BITS(IN_BITS), .KIND(KIND), .OUT_BITS(OUT_BITS)) cast (
        .x(read_q), .y(cast_data)
    );

    generate
        if (PADDED != 0) begin : gen_padding
            // Row and column in the image, of the window's corner and of the element.
            localparam integer VW = $clog2(HEIGHT + SPAN_H + PAD_TOP + STRIDE_H + DILATION_H + 2) + 1;
            localparam integer HW = $clog2(WIDTH + SPAN_W + PAD_LEFT + STRIDE_W + DILATION_W + 2) + 1;
            localparam [31:0] V_FROM_W = -PAD_TOP;
            localparam [31:0] H_FROM_W = -PAD_LEFT;
            localparam [31:0] V_STEP_W = STRIDE_H;
            localparam [31:0] H_STEP_W = STRIDE_W;
            localparam [31:0] V_JUMP_W = DILATION_H;
            localparam [31:0] H_JUMP_W = DILATION_W;
            localparam [31:0] V_STOP_W = HEIGHT;
            localparam [31:0] H_STOP_W = WIDTH;
            localparam signed [VW-1:0] V_STOP = V_STOP_W[VW-1:0];
            localparam signed [HW-1:0] H_STOP = H_STOP_W[HW-1:0];
            reg signed [VW-1:0] corner_v_q, v_q;
            reg signed [HW-1:0] corner_h_q, h_q;
            reg                 pad_q;
            wire signed [VW-1:0] line_v  = end_y ? V_FROM_W[VW-1:0] : corner_v_q + V_STEP_W[VW-1:0];
            wire signed [HW-1:0] pixel_h = end_x ? H_FROM_W[HW-1:0] : corner_h_q + H_STEP_W[HW-1:0];
            wire pad = v_q[VW-1] | (v_q >= V_STOP) | h_q[HW-1] | (h_q >= H_STOP);

            always @(posedge clk) begin
                if (rst) begin
                    corner_v_q <= V_FROM_W[VW-1:0];
                    corner_h_q <= H_FROM_W[HW-1:0];
                    v_q        <= V_FROM_W[VW-1:0];
                    h_q        <= H_FROM_W[HW-1:0];
                end else if (read) begin
                    if (end_x) corner_v_q <= line_v;
                    if (end_g) corner_h_q <= pixel_h;
                    if (end_x)
                        v_q <= line_v;
                    else if (end_kh)
                        v_q <= corner_v_q;
                    else if (end_kw)
                        v_q <= v_q + V_JUMP_W[VW-1:0];
                    if (end_g)
                        h_q <= pixel_h;
                    else if (end_kw)
                        h_q <= corner_h_q;
                    else if (end_f)
                        h_q <= h_q + H_JUMP_W[HW-1:0];
                end
            end

            always @(posedge clk)
                if (en)
                    pad_q <= pad;

            assign out_data = pad_q ? PAD : cast_data;
        end else begin : gen_no_padding
            assign out_data = cast_data;
        end
    endgenerate

    hwc_skid #(.WIDTH(LANES*OUT_BITS)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(out_data), .s_valid(valid_q), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
