// Windows of a transposed convolution: for every output pixel the elements that
// meet a kernel position there, and no others.
//
// With s the stride, output row y has the phase p = (y + top) mod s, and meets
// only the kernel rows k with k * dilation = p modulo s: as many input rows, a
// constant distance apart, upwards from the first one. Columns likewise. What
// each phase reads is in tables, 32 bits for each phase, phase 0 lowest.
//
// In: an image of HEIGHT x WIDTH pixels, each of WORDS beats of LANES elements.
// Out: for every output pixel, group, and FOLDS times: for every kernel row
// and column of the phase the WORDS / GROUPS beats of the group; a phase without
// kernel positions gives one beat. Positions outside the image, and that beat,
// are zeros. OUT_BITS must hold zero. Above the elements a beat carries the
// address of its weights (ADDR_BITS) and, on top, whether it is the last one of
// a sum. KIND, IN_BITS, OUT_BITS: see hwc_cast.
//
// PHASE_H, PHASE_W: phases of the first row and column.
// TAPS_H, TAPS_W: kernel rows and columns of each phase.
// LINE_STEP: from the first input row of an output row of this phase to that of
//   the next output row, in beats (two's complement); RING_STEP: the same modulo
//   the ring. COLUMN_STEP: the same for columns.
// TAP_LINE, TAP_COLUMN: from one kernel row or column to the next, in beats,
//   upwards and to the left; TAP_RING: to the next kernel row, modulo the ring.
// LINE_START, COLUMN_START: first input row and column of the first output
//   pixel, in beats; RING_START: the row modulo the ring; RING_END: from the last
//   output row's first input row to the one of the next image, modulo the ring.
// TOP_START: the uppermost row that the first output row may need, in beats.
// BASES: address of the first weights, by row phase, then column phase.
// POSITION_BITS, COLUMN_BITS: signed widths of positions in the image and in a row.
//
// The buffer is a ring of ROWS rows, as in hwc_window, and is controlled as there.
//
// Contract: see hwc_skid. Timing: a window starts 3 cycles after its last
// element has come in; one output and one input beat a cycle; s_ready is a
// register. One write and one registered read port.
// Control: as hwc_window; a pixel needs all beats up to its first input row's
// first input column, and keeps those from TOP on.
module hwc_window_up #(
    parameter LANES     = 1,      // elements of a beat
    parameter IN_BITS   = 4,      // bits of an input element
    parameter KIND      = 0,      // of the input: 0 unsigned, 1 signed, 2 bipolar
    parameter OUT_BITS  = 4,      // bits of an output element
    parameter HEIGHT    = 3,      // rows of the image
    parameter WIDTH     = 3,      // columns of the image
    parameter WORDS     = 1,      // beats of a pixel
    parameter GROUPS    = 1,      // groups of channels
    parameter FOLDS     = 1,      // times that the elements of a pixel leave
    parameter OUT_HEIGHT = 6,     // output rows
    parameter OUT_WIDTH  = 6,     // output columns
    parameter ROWS      = 3,      // rows of the ring
    parameter STRIDE_H  = 2,      // phases of the rows
    parameter STRIDE_W  = 2,      // phases of the columns
    parameter PHASE_H   = 0,      // phase of the first row
    parameter PHASE_W   = 0,      // phase of the first column
    parameter [STRIDE_H*32-1:0] TAPS_H = 64'h0000000100000001,  // kernel rows of every phase
    parameter [STRIDE_W*32-1:0] TAPS_W = 64'h0000000100000001,  // kernel columns of every phase
    parameter [STRIDE_H*32-1:0] LINE_STEP   = 64'h0000000300000000,  // to the next output row, by phase
    parameter [STRIDE_H*32-1:0] RING_STEP   = 64'h0000000300000000,  // the same modulo the ring
    parameter [STRIDE_W*32-1:0] COLUMN_STEP = 64'h0000000100000000,  // to the next output column, by phase
    parameter TAP_LINE      = 3,  // from kernel row to kernel row
    parameter TAP_RING      = 6,  // the same modulo the ring
    parameter TAP_COLUMN    = 1,  // from kernel column to kernel column
    parameter LINE_START    = 0,  // first pixel's first row
    parameter COLUMN_START  = 0,  // first pixel's first column
    parameter RING_START    = 0,  // its row modulo the ring
    parameter RING_END      = 3,  // from the last row to the next image
    parameter TOP_START     = 0,  // uppermost row of the first pixel
    parameter [STRIDE_H*STRIDE_W*32-1:0] BASES = 128'h00000003000000020000000100000000,  // by phase
    parameter ADDR_BITS     = 2,  // bits of a weight address
    parameter POSITION_BITS = 6,  // bits of a position in the image, signed
    parameter COLUMN_BITS   = 4   // bits of a position in a row, signed
) (
    input  wire                      clk,
    input  wire                      rst,
    input  wire [LANES*IN_BITS-1:0]  s_data,
    input  wire                      s_valid,
    output wire                      s_ready,
    output wire [1+ADDR_BITS+LANES*OUT_BITS-1:0] m_data,
    output wire                      m_valid,
    input  wire                      m_ready
);
    localparam integer ROW   = WIDTH * WORDS;
    localparam integer IMAGE = HEIGHT * ROW;
    localparam integer DEPTH = ROWS * ROW;
    localparam integer INNER = WORDS / GROUPS;
    localparam AW  = $clog2(DEPTH);
    localparam PW  = POSITION_BITS;
    localparam CW  = COLUMN_BITS;
    localparam FW  = (INNER > 1) ? $clog2(INNER) : 1;
    localparam NW  = (FOLDS > 1) ? $clog2(FOLDS) : 1;
    localparam GW  = (GROUPS > 1) ? $clog2(GROUPS) : 1;
    localparam XW  = (OUT_WIDTH > 1) ? $clog2(OUT_WIDTH) : 1;
    localparam YW  = (OUT_HEIGHT > 1) ? $clog2(OUT_HEIGHT) : 1;
    localparam IW  = (STRIDE_H > 1) ? $clog2(STRIDE_H) : 1;
    localparam JW  = (STRIDE_W > 1) ? $clog2(STRIDE_W) : 1;
    localparam TW  = 16;  // kernel positions of a phase
    localparam [31:0] F_LAST_W = INNER - 1;
    localparam [31:0] N_LAST_W = FOLDS - 1;
    localparam [31:0] G_LAST_W = GROUPS - 1;
    localparam [31:0] X_LAST_W = OUT_WIDTH - 1;
    localparam [31:0] Y_LAST_W = OUT_HEIGHT - 1;
    localparam [31:0] I_LAST_W = STRIDE_H - 1;
    localparam [31:0] J_LAST_W = STRIDE_W - 1;
    localparam [31:0] I_FROM_W = PHASE_H;
    localparam [31:0] J_FROM_W = PHASE_W;
    localparam [31:0] TAP_LINE_W   = TAP_LINE;
    localparam [31:0] TAP_RING_W   = TAP_RING;
    localparam [31:0] TAP_COLUMN_W = TAP_COLUMN + INNER - 1;
    localparam [31:0] GROUP_W      = INNER;
    localparam [31:0] LINE_FROM_W  = LINE_START;
    localparam [31:0] COL_FROM_W   = COLUMN_START;
    localparam [31:0] RING_FROM_W  = RING_START;
    localparam [31:0] RING_END_W   = RING_END;
    localparam [31:0] TOP_FROM_W   = TOP_START;
    localparam [31:0] ROW_W        = ROW;
    localparam [31:0] WORDS_W      = WORDS;
    localparam [31:0] IMAGE_W      = IMAGE;
    localparam [31:0] LAST_LINE_W  = IMAGE - ROW;
    localparam [31:0] LAST_PIXEL_W = ROW - WORDS;
    localparam [31:0] ROOM_W       = DEPTH - 1;
    localparam [31:0] DEPTH_W      = DEPTH;
    localparam signed [PW-1:0] WHOLE      = IMAGE_W[PW-1:0];
    localparam signed [PW-1:0] LAST_LINE  = LAST_LINE_W[PW-1:0];
    localparam signed [PW-1:0] ROOM       = ROOM_W[PW-1:0];
    localparam signed [CW-1:0] LAST_PIXEL = LAST_PIXEL_W[CW-1:0];
    localparam signed [CW-1:0] LINE_END   = ROW_W[CW-1:0];

    // ---- loops of the reader
    reg [FW-1:0] f_q;
    reg [TW-1:0] kw_q;   // kernel column and row, counted within the phase
    reg [TW-1:0] kh_q;
    reg [NW-1:0] n_q;
    reg [GW-1:0] g_q;
    reg [XW-1:0] x_q;
    reg [YW-1:0] y_q;
    reg [JW-1:0] j_q;    // phases of column and row
    reg [IW-1:0] i_q;

    wire [31:0] taps_w  = TAPS_W[j_q*32 +: 32];
    wire [31:0] taps_h  = TAPS_H[i_q*32 +: 32];
    wire        nothing = (taps_w == 32'd0) | (taps_h == 32'd0);

    wire en;
    wire go;
    wire read   = en & go;
    wire end_f  = nothing | (f_q == F_LAST_W[FW-1:0]);
    wire end_kw = end_f & (nothing | (kw_q == taps_w[TW-1:0] - 1'b1));
    wire end_kh = end_kw & (nothing | (kh_q == taps_h[TW-1:0] - 1'b1));
    wire end_n  = end_kh & (n_q == N_LAST_W[NW-1:0]);
    wire end_g  = end_n & (g_q == G_LAST_W[GW-1:0]);
    wire end_x  = end_g & (x_q == X_LAST_W[XW-1:0]);
    wire end_y  = end_x & (y_q == Y_LAST_W[YW-1:0]);
    wire wrap_j = (j_q == J_LAST_W[JW-1:0]);
    wire wrap_i = (i_q == I_LAST_W[IW-1:0]);
    wire [JW-1:0] next_j = end_x ? J_FROM_W[JW-1:0] : wrap_j ? {JW{1'b0}} : j_q + 1'b1;
    wire [IW-1:0] next_i = end_y ? I_FROM_W[IW-1:0]
                         : ~end_x ? i_q : wrap_i ? {IW{1'b0}} : i_q + 1'b1;

    always @(posedge clk) begin
        if (rst) begin
            f_q  <= {FW{1'b0}};
            kw_q <= {TW{1'b0}};
            kh_q <= {TW{1'b0}};
            n_q  <= {NW{1'b0}};
            g_q  <= {GW{1'b0}};
            x_q  <= {XW{1'b0}};
            y_q  <= {YW{1'b0}};
            j_q  <= J_FROM_W[JW-1:0];
            i_q  <= I_FROM_W[IW-1:0];
        end else if (read) begin
            f_q <= end_f ? {FW{1'b0}} : f_q + 1'b1;
            if (end_f)  kw_q <= end_kw ? {TW{1'b0}} : kw_q + 1'b1;
            if (end_kw) kh_q <= end_kh ? {TW{1'b0}} : kh_q + 1'b1;
            if (end_kh) n_q  <= end_n  ? {NW{1'b0}} : n_q + 1'b1;
            if (end_n)  g_q  <= end_g  ? {GW{1'b0}} : g_q + 1'b1;
            if (end_g) begin
                x_q <= end_x ? {XW{1'b0}} : x_q + 1'b1;
                j_q <= next_j;
            end
            if (end_x) begin
                y_q <= end_y ? {YW{1'b0}} : y_q + 1'b1;
                i_q <= next_i;
            end
        end
    end

    // ---- the position of the first kernel row and column, and of this one
    reg signed [PW-1:0] line_q, l_q;    // row, in the image
    reg [AW-1:0]        ring_q, r_q;    // row, in the ring
    reg signed [CW-1:0] column_q;       // pixel in the row
    reg signed [CW-1:0] group_q;        // the same, with the group
    reg signed [CW-1:0] c_q;

    wire [31:0] line_step = LINE_STEP[i_q*32 +: 32];
    wire [31:0] ring_step = RING_STEP[i_q*32 +: 32];
    wire [31:0] col_step  = COLUMN_STEP[j_q*32 +: 32];
    // The start of the row moves with the row, the kernel row within it.
    wire [AW:0] ring_sum  = {1'b0, ring_q}
                          + {1'b0, end_y ? RING_END_W[AW-1:0] : ring_step[AW-1:0]};
    wire [AW:0] r_sum     = {1'b0, r_q} + {1'b0, TAP_RING_W[AW-1:0]};
    wire [AW-1:0] ring_next = (ring_sum >= DEPTH_W[AW:0]) ? ring_sum[AW-1:0] - DEPTH_W[AW-1:0]
                                                          : ring_sum[AW-1:0];
    wire [AW-1:0] r_next    = (r_sum >= DEPTH_W[AW:0]) ? r_sum[AW-1:0] - DEPTH_W[AW-1:0]
                                                       : r_sum[AW-1:0];
    wire signed [PW-1:0] line_next   = end_y ? $signed(LINE_FROM_W[PW-1:0])
                                             : line_q + $signed(line_step[PW-1:0]);
    wire signed [CW-1:0] column_next = end_x ? $signed(COL_FROM_W[CW-1:0])
                                             : column_q + $signed(col_step[CW-1:0]);
    wire signed [CW-1:0] group_next  = end_g ? column_next
                                             : group_q + $signed(GROUP_W[CW-1:0]);

    always @(posedge clk) begin
        if (rst) begin
            line_q   <= LINE_FROM_W[PW-1:0];
            l_q      <= LINE_FROM_W[PW-1:0];
            ring_q   <= RING_FROM_W[AW-1:0];
            r_q      <= RING_FROM_W[AW-1:0];
            column_q <= COL_FROM_W[CW-1:0];
            group_q  <= COL_FROM_W[CW-1:0];
            c_q      <= COL_FROM_W[CW-1:0];
        end else if (read) begin
            if (end_x) begin
                line_q <= line_next;
                ring_q <= ring_next;
            end
            if (end_x) begin
                l_q <= line_next;
                r_q <= ring_next;
            end else if (end_kh) begin
                l_q <= line_q;
                r_q <= ring_q;
            end else if (end_kw) begin
                l_q <= l_q - $signed(TAP_LINE_W[PW-1:0]);
                r_q <= r_next;
            end
            if (end_g) column_q <= column_next;
            if (end_n) group_q  <= group_next;
            c_q <= end_n  ? group_next
                 : end_kw ? group_q
                 : end_f  ? c_q - $signed(TAP_COLUMN_W[CW-1:0])
                 :          c_q + {{(CW-1){1'b0}}, 1'b1};
        end
    end

    // ---- what has come in, what the window needs, what may be overwritten
    reg                 inside_q;   // in the middle of a pixel
    reg                 room_q;     // as of one cycle ago, when one beat more was free
    reg signed [PW-1:0] written_q;  // beats written; negative: of the image before
    reg signed [PW-1:0] top_q;      // the uppermost row that is still wanted

    wire                write = s_valid & room_q;
    wire signed [PW-1:0] need_line = line_q[PW-1] ? {PW{1'b0}}
                                   : (line_q > LAST_LINE) ? LAST_LINE : line_q;
    wire signed [CW-1:0] need_column = column_q[CW-1] ? {CW{1'b0}}
                                     : (column_q > LAST_PIXEL) ? LAST_PIXEL : column_q;
    wire signed [PW-1:0] need = need_line + $signed(WORDS_W[PW-1:0])
                              + $signed({{(PW-CW){1'b0}}, need_column});
    wire signed [PW-1:0] top_next = top_q + (wrap_i ? $signed(ROW_W[PW-1:0]) : {PW{1'b0}});
    wire signed [PW-1:0] kept     = top_q[PW-1] ? {PW{1'b0}} : top_q;
    wire signed [PW-1:0] held     = written_q - kept;

    assign go      = inside_q | (written_q >= need);
    assign s_ready = room_q;

    always @(posedge clk) begin
        if (rst) begin
            inside_q  <= 1'b0;
            room_q    <= 1'b0;
            written_q <= {PW{1'b0}};
            top_q     <= TOP_FROM_W[PW-1:0];
        end else begin
            room_q    <= (held < ROOM);
            written_q <= written_q + {{(PW-1){1'b0}}, write}
                       - ((read & end_y) ? WHOLE : {PW{1'b0}});
            if (read) begin
                inside_q <= ~end_g;
                if (end_x)
                    top_q <= end_y ? $signed(TOP_FROM_W[PW-1:0])
                           : (top_next > WHOLE) ? WHOLE : top_next;
            end
        end
    end

    // ---- weights
    reg [ADDR_BITS-1:0] addr_q;
    wire [31:0]         phase = {{(32-IW){1'b0}}, next_i} * STRIDE_W + {{(32-JW){1'b0}}, next_j};
    wire [31:0]         base  = BASES[phase*32 +: 32];

    always @(posedge clk) begin
        if (rst)
            addr_q <= BASES[(PHASE_H*STRIDE_W + PHASE_W)*32 +: ADDR_BITS];
        else if (read)
            addr_q <= end_g ? base[ADDR_BITS-1:0] : addr_q + {{(ADDR_BITS-1){1'b0}}, ~nothing};
    end

    // ---- the ring
    reg [LANES*IN_BITS-1:0] ring [0:DEPTH-1];
    reg [AW-1:0]            wr_q;
    reg [LANES*IN_BITS-1:0] read_q;
    reg [ADDR_BITS-1:0]     addr_1_q;
    reg                     valid_q, last_q, absent_q;
    // Outside the image the address may be any.
    wire [AW+CW-1:0]        place = {{CW{1'b0}}, r_q} + {{AW{c_q[CW-1]}}, c_q};
    wire                    absent = nothing | l_q[PW-1] | (l_q >= WHOLE)
                                   | c_q[CW-1] | (c_q >= LINE_END);
    wire unused = &{1'b0, place[AW+CW-1:AW], taps_w[31:TW], taps_h[31:TW], line_step, ring_step,
                    col_step, base};

    always @(posedge clk) begin
        if (write)
            ring[wr_q] <= s_data;
        if (en) begin
            read_q   <= ring[place[AW-1:0]];
            addr_1_q <= addr_q;
            last_q   <= end_kh;
            absent_q <= absent;
        end
    end

    always @(posedge clk) begin
        if (rst) begin
            wr_q    <= {AW{1'b0}};
            valid_q <= 1'b0;
        end else begin
            if (write)
                wr_q <= (wr_q == ROOM_W[AW-1:0]) ? {AW{1'b0}} : wr_q + 1'b1;
            if (en)
                valid_q <= go;
        end
    end

    wire [LANES*OUT_BITS-1:0] cast_data;

    hwc_cast #(.LANES(LANES), .IN_BITS(IN_BITS), .KIND(KIND), .OUT_BITS(OUT_BITS)) cast (
        .x(read_q), .y(cast_data)
    );

    hwc_skid #(.WIDTH(1 + ADDR_BITS + LANES*OUT_BITS)) out_slice (
        .clk(clk), .rst(rst),
        .s_data({last_q, addr_1_q, absent_q ? {(LANES*OUT_BITS){1'b0}} : cast_data}),
        .s_valid(valid_q), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
