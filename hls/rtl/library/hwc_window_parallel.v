// Sliding window that gives all kernel positions of a window in one beat.
//
// In: an image of HEIGHT x WIDTH pixels. A beat holds PIXELS_IN pixels of a row
// with LANES elements each; with PIXELS_IN = 1 a pixel may take WORDS beats.
// Out: for PIXELS neighbouring windows of a row at a time, for every word,
// FOLDS times: one beat of PIXELS x KERNEL_H x KERNEL_W x LANES elements,
// windows outermost. Positions outside the image hold PAD.
// KIND, IN_BITS, OUT_BITS: see hwc_cast.
//
// Rows go round over REACH_H banks (the rows from a window's first to its last
// one) of DEPTH beats each, whole rows where there are several banks. For every
// row of windows the banks are read once from left to right, all rows of the
// kernel together, into shift registers whose taps are the window. Columns to
// the right of the image cost no cycle: the next row of windows enters while the
// last windows of this one leave (the tail, LAG beats). If its pixels have not
// come yet, the tail is pushed out by anything, and the row is read again from
// its start. Rows of the next image are written meanwhile.
//
// Limits (generator): PIXELS_IN = PIXELS * STRIDE_W where PIXELS > 1 (and then
// WORDS = 1), else 1; PIXELS divides OUT_WIDTH, PIXELS_IN WIDTH; PAD_TOP <
// REACH_H, PAD_LEFT < REACH_W; (OUT_WIDTH / PIXELS - 1) * STEP < WIDTH /
// PIXELS_IN; LAG < ROW.
//
// Contract: see hwc_skid. Timing: a window leaves 3 cycles after its last
// element has come in; one input beat a cycle; a row of windows takes ROW +
// (FOLDS - 1) * (its output beats / FOLDS) cycles. s_ready and m_valid are
// registers. One write and one registered read port a bank.
module hwc_window_parallel #(
    parameter LANES      = 1,               // channels of a beat
    parameter PIXELS     = 1,               // windows of an output beat
    parameter PIXELS_IN  = 1,               // pixels of an input beat
    parameter IN_BITS    = 4,               // bits of an input element
    parameter KIND       = 0,               // of the input: 0 unsigned, 1 signed, 2 bipolar
    parameter OUT_BITS   = 4,               // bits of an output element
    parameter HEIGHT     = 4,               // rows of the image
    parameter WIDTH      = 4,               // columns of the image
    parameter WORDS      = 1,               // beats of a pixel
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
    parameter DEPTH      = 8,               // beats of a bank
    parameter [LANES*OUT_BITS-1:0] PAD = 0  // a pixel of padding
) (
    input  wire                                                  clk,
    input  wire                                                  rst,
    input  wire [PIXELS_IN*LANES*IN_BITS-1:0]                    s_data,
    input  wire                                                  s_valid,
    output wire                                                  s_ready,
    output wire [PIXELS*KERNEL_H*KERNEL_W*LANES*OUT_BITS-1:0]    m_data,
    output wire                                                  m_valid,
    input  wire                                                  m_ready
);
    localparam integer REACH_H = DILATION_H * (KERNEL_H - 1) + 1;
    localparam integer REACH_W = DILATION_W * (KERNEL_W - 1) + 1;
    localparam integer BANKS   = REACH_H;
    localparam integer ROW     = WIDTH / PIXELS_IN * WORDS;
    localparam integer IMAGE   = HEIGHT * ROW;
    localparam integer HOLDS   = BANKS * DEPTH;  // beats
    localparam integer STEP    = PIXELS * STRIDE_W / PIXELS_IN;  // pixel groups a window moves
    localparam integer COLUMNS = OUT_WIDTH / PIXELS;
    localparam integer EDGE    = (PIXELS - 1) * STRIDE_W + REACH_W - 1 - PAD_LEFT;
    localparam integer DELAY   = EDGE / PIXELS_IN;  // group that completes the first window
    localparam integer LAG     = DELAY * WORDS;
    localparam integer OLDEST  = PIXELS_IN - 1 + PAD_LEFT + DELAY * PIXELS_IN;  // pixels back
    localparam integer LINE    = OLDEST * WORDS + 1;
    localparam integer PB      = LANES * OUT_BITS;
    localparam integer GB      = PIXELS_IN * PB;
    localparam integer IB      = PIXELS_IN * LANES * IN_BITS;
    localparam integer TAPS    = KERNEL_H * KERNEL_W;
    localparam integer AW = (DEPTH > 1) ? $clog2(DEPTH) : 1;
    localparam integer PW = $clog2(2 * IMAGE + HOLDS + (PAD_TOP + STRIDE_H) * ROW + 2) + 1;
    localparam integer CW = (ROW > 1) ? $clog2(ROW) : 1;
    localparam integer YW = (OUT_HEIGHT > 1) ? $clog2(OUT_HEIGHT) : 1;
    localparam integer XW = (COLUMNS > 1) ? $clog2(COLUMNS) : 1;
    localparam integer SW = (STEP > 1) ? $clog2(STEP) : 1;
    localparam integer WW = (WORDS > 1) ? $clog2(WORDS) : 1;
    localparam integer NW = (FOLDS > 1) ? $clog2(FOLDS) : 1;
    localparam [31:0] C_LAST_W = ROW - 1;
    localparam [31:0] Y_LAST_W = OUT_HEIGHT - 1;
    localparam [31:0] X_LAST_W = COLUMNS - 1;
    localparam [31:0] S_LAST_W = STEP - 1;
    localparam [31:0] W_LAST_W = WORDS - 1;
    localparam [31:0] N_LAST_W = FOLDS - 1;
    localparam [31:0] LAG_W    = LAG;

    // Rows by which a window's first row moves, within an image and to the next
    // one, as banks (a rotation) and as rows inside of a bank.
    localparam integer RING_ROWS  = (BANKS > 1) ? BANKS * (DEPTH / ROW) : HEIGHT + 1;
    localparam integer NEXT_IMAGE = HEIGHT - (OUT_HEIGHT - 1) * STRIDE_H;
    localparam integer LINE_ROWS  = STRIDE_H;
    localparam integer IMAGE_ROWS = (BANKS > 1)
                                  ? ((NEXT_IMAGE % RING_ROWS) + RING_ROWS) % RING_ROWS : NEXT_IMAGE;
    localparam integer START_ROWS = (BANKS > 1) ? (RING_ROWS - PAD_TOP % RING_ROWS) % RING_ROWS : 0;
    localparam integer LINE_TURN  = LINE_ROWS % BANKS;
    localparam integer IMAGE_TURN = IMAGE_ROWS % BANKS;
    localparam [31:0] LINE_STEP_W   = (LINE_ROWS / BANKS * ROW) % DEPTH;
    localparam [31:0] LINE_CARRY_W  = ((LINE_ROWS / BANKS + 1) * ROW) % DEPTH;
    localparam [31:0] IMAGE_STEP_W  = (IMAGE_ROWS / BANKS * ROW) % DEPTH;
    localparam [31:0] IMAGE_CARRY_W = ((IMAGE_ROWS / BANKS + 1) * ROW) % DEPTH;
    localparam [31:0] BASE_FROM_W   = (START_ROWS / BANKS * ROW) % DEPTH;
    localparam [31:0] DEPTH_W       = DEPTH;
    localparam [31:0] A_LAST_W      = DEPTH - 1;
    localparam [BANKS-1:0] BANK_ZERO = 1;
    localparam [BANKS-1:0] BANK_FROM = BANK_ZERO << (START_ROWS % BANKS);

    // Positions count beats from the start of the image being read.
    localparam integer ROW_FIRST = REACH_H - 1 - PAD_TOP;
    localparam integer ROW_START = (ROW_FIRST < HEIGHT) ? ROW_FIRST : HEIGHT - 1;
    localparam [31:0] ROW_START_W = ROW_START * ROW;
    localparam [31:0] ROW_STOP_W  = (HEIGHT - 1) * ROW;
    localparam [31:0] ROW_STEP_W  = STRIDE_H * ROW;
    localparam [31:0] TOP_START_W = -(PAD_TOP * ROW);
    localparam [31:0] IMAGE_W     = IMAGE;
    localparam [31:0] ROOM_W      = HOLDS - 1;
    localparam signed [PW-1:0] ROW_FROM = ROW_START_W[PW-1:0];
    localparam signed [PW-1:0] ROW_STOP = ROW_STOP_W[PW-1:0];
    localparam signed [PW-1:0] ROW_STEP = ROW_STEP_W[PW-1:0];
    localparam signed [PW-1:0] TOP_FROM = TOP_START_W[PW-1:0];
    localparam signed [PW-1:0] WHOLE    = IMAGE_W[PW-1:0];
    localparam signed [PW-1:0] ROOM     = ROOM_W[PW-1:0];

    // ---- where the reader is: beat of the row, row of windows
    reg [CW-1:0]         c_q;
    reg [YW-1:0]         y_q;
    reg                  room_q;     // as of one cycle ago, when one beat more was free
    reg                  dirty_q;    // the tail is being pushed out by anything
    reg signed [PW-1:0]  written_q;  // beats written; negative: of the image before
    reg signed [PW-1:0]  row_q;      // start of the last row that the windows need
    reg signed [PW-1:0]  top_q;      // start of their first row; negative above the image

    wire                 en;
    wire                 live;       // windows of the last row read are still to leave
    wire                 last_out;   // the last one of them leaves now
    wire                 lagging;    // before the row's first window is complete
    wire signed [PW-1:0] here     = {{(PW-CW){1'b0}}, c_q};
    wire signed [PW-1:0] row_next = row_q + ROW_STEP;
    wire signed [PW-1:0] top_next = top_q + ROW_STEP;
    wire signed [PW-1:0] kept     = (top_q[PW-1] ? {PW{1'b0}} : top_q)
                                  + ((lagging | top_q[PW-1]) ? {PW{1'b0}} : here);
    wire signed [PW-1:0] held     = written_q - kept;
    wire                 write    = s_valid & room_q;
    wire                 there    = (written_q > row_q + here);
    wire                 tail     = live & lagging;
    wire                 go       = there | tail;
    wire                 read     = en & go;
    wire                 again    = read & tail & last_out & (dirty_q | ~there);
    wire                 end_c    = (c_q == C_LAST_W[CW-1:0]);
    wire                 end_y    = end_c & (y_q == Y_LAST_W[YW-1:0]);

    assign s_ready = room_q;

    generate
        if (LAG > 0) begin : gen_lag
            assign lagging = (c_q < LAG_W[CW-1:0]);
        end else begin : gen_no_lag
            assign lagging = 1'b0;
        end
    endgenerate

    always @(posedge clk) begin
        if (rst) begin
            c_q       <= {CW{1'b0}};
            y_q       <= {YW{1'b0}};
            room_q    <= 1'b0;
            dirty_q   <= 1'b0;
            written_q <= {PW{1'b0}};
            row_q     <= ROW_FROM;
            top_q     <= TOP_FROM;
        end else begin
            room_q    <= (held < ROOM);
            written_q <= written_q + {{(PW-1){1'b0}}, write}
                       - ((read & end_y) ? WHOLE : {PW{1'b0}});
            if (read) begin
                c_q     <= (again | end_c) ? {CW{1'b0}} : c_q + 1'b1;
                dirty_q <= ~again & tail & (dirty_q | ~there);
                if (end_c) begin
                    y_q   <= end_y ? {YW{1'b0}} : y_q + 1'b1;
                    row_q <= end_y ? ROW_FROM : (row_next > ROW_STOP) ? ROW_STOP : row_next;
                    top_q <= end_y ? TOP_FROM : top_next;
                end
            end
        end
    end

    // ---- which windows are complete
    reg          live_q;
    reg [WW-1:0] word_q;
    reg [SW-1:0] step_q;
    reg [XW-1:0] x_q;
    wire         start    = (c_q == LAG_W[CW-1:0]);
    wire         now      = live_q | start;
    wire         out      = now & (step_q == {SW{1'b0}});
    wire         end_word = (word_q == W_LAST_W[WW-1:0]);

    assign live     = live_q;
    assign last_out = out & end_word & (x_q == X_LAST_W[XW-1:0]);

    always @(posedge clk) begin
        if (rst) begin
            live_q <= 1'b0;
            word_q <= {WW{1'b0}};
            step_q <= {SW{1'b0}};
            x_q    <= {XW{1'b0}};
        end else if (read & now) begin
            live_q <= ~last_out;
            word_q <= end_word ? {WW{1'b0}} : word_q + 1'b1;
            if (last_out) begin
                step_q <= {SW{1'b0}};
                x_q    <= {XW{1'b0}};
            end else if (end_word) begin
                step_q <= (step_q == S_LAST_W[SW-1:0]) ? {SW{1'b0}} : step_q + 1'b1;
                if (step_q == S_LAST_W[SW-1:0])
                    x_q <= x_q + 1'b1;
            end
        end
    end

    // ---- the banks
    wire [BANKS-1:0] wr_bank;    // one-hot
    reg  [AW-1:0]    wr_q;
    reg  [BANKS-1:0] bank_q;     // one-hot: holds the first row of the windows
    reg  [AW-1:0]    base_q;     // start of that row
    reg  [AW-1:0]    rd_q;
    wire [AW-1:0]    wr_after = (wr_q == A_LAST_W[AW-1:0]) ? {AW{1'b0}} : wr_q + 1'b1;
    wire [AW-1:0]    rd_after = (rd_q == A_LAST_W[AW-1:0]) ? {AW{1'b0}} : rd_q + 1'b1;
    wire [BANKS-1:0] line_turn, image_turn;
    wire             line_carry, image_carry;
    wire [AW-1:0]    step = end_y ? (image_carry ? IMAGE_CARRY_W[AW-1:0] : IMAGE_STEP_W[AW-1:0])
                                  : (line_carry ? LINE_CARRY_W[AW-1:0] : LINE_STEP_W[AW-1:0]);
    wire [AW:0]      base_sum  = {1'b0, base_q} + {1'b0, step};
    wire [AW-1:0]    base_wrap = base_sum[AW-1:0] - DEPTH_W[AW-1:0];
    wire [AW-1:0]    base_next = (base_sum >= DEPTH_W[AW:0]) ? base_wrap : base_sum[AW-1:0];
    wire [BANKS*GB-1:0] bank_data;

    always @(posedge clk) begin
        if (rst) begin
            bank_q <= BANK_FROM;
            base_q <= BASE_FROM_W[AW-1:0];
            rd_q   <= BASE_FROM_W[AW-1:0];
        end else if (read) begin
            if (end_c) begin
                bank_q <= end_y ? image_turn : line_turn;
                base_q <= base_next;
            end
            rd_q <= again ? base_q : end_c ? base_next : rd_after;
        end
    end

    generate
        if (LINE_TURN > 0) begin : gen_line_turn
            assign line_turn  = {bank_q[BANKS-LINE_TURN-1:0], bank_q[BANKS-1:BANKS-LINE_TURN]};
            assign line_carry = |bank_q[BANKS-1:BANKS-LINE_TURN];
        end else begin : gen_line_same
            assign line_turn  = bank_q;
            assign line_carry = 1'b0;
        end
        if (IMAGE_TURN > 0) begin : gen_image_turn
            assign image_turn  = {bank_q[BANKS-IMAGE_TURN-1:0], bank_q[BANKS-1:BANKS-IMAGE_TURN]};
            assign image_carry = |bank_q[BANKS-1:BANKS-IMAGE_TURN];
        end else begin : gen_image_same
            assign image_turn  = bank_q;
            assign image_carry = 1'b0;
        end
        if (BANKS > 1) begin : gen_rows
            // The writer stays in a bank for a row; after the last bank it goes
            // on behind the rows that it has written.
            reg [BANKS-1:0] wr_bank_q;
            reg [AW-1:0]    wr_base_q;  // start of the row being written
            reg [CW-1:0]    wr_col_q;
            wire            wr_end = (wr_col_q == C_LAST_W[CW-1:0]);
            assign wr_bank = wr_bank_q;
            always @(posedge clk) begin
                if (rst) begin
                    wr_bank_q <= BANK_ZERO;
                    wr_base_q <= {AW{1'b0}};
                    wr_q      <= {AW{1'b0}};
                    wr_col_q  <= {CW{1'b0}};
                end else if (write) begin
                    wr_col_q <= wr_end ? {CW{1'b0}} : wr_col_q + 1'b1;
                    wr_q     <= (wr_end & ~wr_bank_q[BANKS-1]) ? wr_base_q : wr_after;
                    if (wr_end) begin
                        wr_bank_q <= {wr_bank_q[BANKS-2:0], wr_bank_q[BANKS-1]};
                        if (wr_bank_q[BANKS-1])
                            wr_base_q <= wr_after;
                    end
                end
            end
        end else begin : gen_ring
            always @(posedge clk) begin
                if (rst)
                    wr_q <= {AW{1'b0}};
                else if (write)
                    wr_q <= wr_after;
            end
            assign wr_bank = 1'b1;
        end
    endgenerate

    genvar b, k, p, t;
    generate
        for (b = 0; b < BANKS; b = b + 1) begin : gen_bank
            reg  [IB-1:0] memory [0:DEPTH-1];
            reg  [IB-1:0] read_q;
            wire [AW-1:0] addr;
            if (b < BANKS - 1) begin : gen_wraps
                // Below the first row's bank lie rows of the next turn.
                localparam [31:0] ROW_W = ROW % DEPTH;
                wire [AW:0]   sum  = {1'b0, rd_q} + {1'b0, ROW_W[AW-1:0]};
                wire [AW-1:0] wrap = sum[AW-1:0] - DEPTH_W[AW-1:0];
                assign addr = ~|bank_q[BANKS-1:b+1] ? rd_q
                            : (sum >= DEPTH_W[AW:0]) ? wrap : sum[AW-1:0];
            end else begin : gen_straight
                assign addr = rd_q;
            end
            always @(posedge clk) begin
                if (write & wr_bank[b])
                    memory[wr_q] <= s_data;
                if (en)
                    read_q <= memory[addr];
            end
            hwc_cast #(
                .LANES(PIXELS_IN * LANES), .IN_BITS(IN_BITS), .KIND(KIND), .OUT_BITS(OUT_BITS)
            ) cast (.x(read_q), .y(bank_data[b*GB +: GB]));
        end
    endgenerate

    // ---- stage 1: a column of the kernel's rows; stage 2: the shift registers
    reg                       shift_1_q, out_1_q, out_2_q;
    wire [PIXELS*KERNEL_W-1:0] beside;  // window and kernel column outside the image
    reg  [PIXELS*KERNEL_W-1:0] beside_1_q, beside_2_q;

    always @(posedge clk)
        if (en) begin
            beside_1_q <= beside;
            beside_2_q <= beside_1_q;
        end

    always @(posedge clk) begin
        if (rst) begin
            shift_1_q <= 1'b0;
            out_1_q   <= 1'b0;
            out_2_q   <= 1'b0;
        end else if (en) begin
            shift_1_q <= go;
            out_1_q   <= go & out;
            out_2_q   <= out_1_q;
        end
    end

    generate
        for (k = 0; k < KERNEL_H; k = k + 1) begin : gen_row
            // Rows of windows for which this kernel row lies inside the image.
            localparam integer SHIFT = k * DILATION_H % BANKS;
            localparam integer Y_LOW = (PAD_TOP - k * DILATION_H > 0)
                                     ? (PAD_TOP - k * DILATION_H + STRIDE_H - 1) / STRIDE_H : 0;
            localparam integer Y_HIGH = (HEIGHT - 1 + PAD_TOP - k * DILATION_H < 0) ? -1
                                      : (HEIGHT - 1 + PAD_TOP - k * DILATION_H) / STRIDE_H;
            localparam [31:0] Y_LOW_W  = Y_LOW;
            localparam [31:0] Y_HIGH_W = Y_HIGH;
            wire              above, below;
            reg               outside_q;
            reg  [BANKS-1:0]  select_q;
            wire [BANKS-1:0]  select;
            wire [BANKS*GB-1:0] chosen;
            wire [GB-1:0]     column;
            reg  [LINE*PB-1:0] line_q;
            wire [LINE*PB+GB-1:0] joined = {column, line_q};
            wire unused = &{1'b0, joined[GB-1:0]};
            if (Y_LOW > 0) begin : gen_above
                assign above = (Y_LOW >= OUT_HEIGHT) | (y_q < Y_LOW_W[YW-1:0]);
            end else begin : gen_not_above
                assign above = 1'b0;
            end
            if (Y_HIGH < 0) begin : gen_all_below
                assign below = 1'b1;
            end else if (Y_HIGH < OUT_HEIGHT - 1) begin : gen_below
                assign below = (y_q > Y_HIGH_W[YW-1:0]);
            end else begin : gen_not_below
                assign below = 1'b0;
            end
            if (SHIFT > 0) begin : gen_turned
                assign select = {bank_q[BANKS-SHIFT-1:0], bank_q[BANKS-1:BANKS-SHIFT]};
            end else begin : gen_straight
                assign select = bank_q;
            end
            for (b = 0; b < BANKS; b = b + 1) begin : gen_choose
                wire [GB-1:0] gate = {GB{select_q[b]}} & bank_data[b*GB +: GB];
                if (b == 0) begin : gen_first
                    assign chosen[0 +: GB] = gate;
                end else begin : gen_or
                    assign chosen[b*GB +: GB] = chosen[(b-1)*GB +: GB] | gate;
                end
            end
            assign column = chosen[(BANKS-1)*GB +: GB]
                          | {PIXELS_IN{PAD & {PB{outside_q}}}};
            always @(posedge clk)
                if (en) begin
                    outside_q <= above | below;
                    select_q  <= select & {BANKS{~(above | below)}};
                    if (shift_1_q)
                        line_q <= joined[GB +: LINE*PB];
                end
            for (p = 0; p < PIXELS; p = p + 1) begin : gen_window
                for (t = 0; t < KERNEL_W; t = t + 1) begin : gen_tap
                    localparam integer AGE = OLDEST - p * STRIDE_W - t * DILATION_W;
                    localparam integer AT  = LINE - 1 - AGE * WORDS;
                    assign m_data[(p*TAPS + k*KERNEL_W + t)*PB +: PB] =
                        beside_2_q[p*KERNEL_W + t] ? PAD : line_q[AT*PB +: PB];
                end
            end
        end
        for (p = 0; p < PIXELS; p = p + 1) begin : gen_beside
            for (t = 0; t < KERNEL_W; t = t + 1) begin : gen_tap
                // Columns of windows for which this kernel column lies inside.
                localparam integer MOVE  = PIXELS * STRIDE_W;
                localparam integer OFFSET = PAD_LEFT - p * STRIDE_W - t * DILATION_W;
                localparam integer X_LOW = (OFFSET > 0) ? (OFFSET + MOVE - 1) / MOVE : 0;
                localparam integer X_HIGH = (WIDTH - 1 + OFFSET < 0) ? -1
                                          : (WIDTH - 1 + OFFSET) / MOVE;
                localparam [31:0] X_LOW_W  = X_LOW;
                localparam [31:0] X_HIGH_W = X_HIGH;
                wire left, right;
                if (X_LOW > 0) begin : gen_left
                    assign left = (X_LOW >= COLUMNS) | (x_q < X_LOW_W[XW-1:0]);
                end else begin : gen_not_left
                    assign left = 1'b0;
                end
                if (X_HIGH < 0) begin : gen_all_right
                    assign right = 1'b1;
                end else if (X_HIGH < COLUMNS - 1) begin : gen_right
                    assign right = (x_q > X_HIGH_W[XW-1:0]);
                end else begin : gen_not_right
                    assign right = 1'b0;
                end
                assign beside[p*KERNEL_W + t] = left | right;
            end
        end
    endgenerate

    // ---- the registers are the output: they move when a window has been taken
    generate
        if (FOLDS > 1) begin : gen_folds
            reg [NW-1:0] fold_q;
            wire         end_fold = (fold_q == N_LAST_W[NW-1:0]);
            always @(posedge clk) begin
                if (rst)
                    fold_q <= {NW{1'b0}};
                else if (out_2_q & m_ready)
                    fold_q <= end_fold ? {NW{1'b0}} : fold_q + 1'b1;
            end
            assign en = ~out_2_q | (m_ready & end_fold);
        end else begin : gen_once
            assign en = ~out_2_q | m_ready;
        end
    endgenerate

    assign m_valid = out_2_q;
endmodule
