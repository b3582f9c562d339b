// Reordering buffer: the beats of every block of DEPTH beats leave in another
// order; some may leave several times (upsampling) or never (cropping).
//
// The order is one of addresses in the block, read by LOOPS nested loops. Loop
// 0 is the innermost one. SIZES holds the loops' counts, 32 bits each, loop 0
// lowest. STEPS holds, for each loop, what is added to the address when that
// loop goes on and all the inner ones start again (modulo 2**32); START is the
// first address. With TABLED = 1 the addresses come from the hex file TABLE
// of COUNT words instead, COUNT being the number of beats that leave a block.
//
// Two blocks are held: one is written while the other one is read. Reading
// starts as soon as the first beat wanted is there and follows the writer,
// except that the last beat of a block waits until the whole block is there.
// With TABLED = 1 reading starts when the whole block is there.
//
// Contract: see hwc_skid. Timing: latency 3 from the beat wanted; one input and
// one output beat a cycle without pauses between blocks; s_ready depends on
// registers only. One write and one registered read port.
//
// Control: s_ready = ~full[bank written]. A beat is read in a cycle with the
// slice ready and go = full[bank read] | ~TABLED & ~last & address < writer's.
// full[b] is set by the last write into b, cleared by the last read from it.
module hwc_permute #(
    parameter WIDTH  = 8,                // bits of a beat
    parameter DEPTH  = 4,                // beats of a block
    parameter COUNT  = 4,                // beats that leave for each block
    parameter LOOPS  = 1,                // nested loops that read
    parameter [LOOPS*32-1:0] SIZES = 4,  // rounds of every loop
    parameter [LOOPS*32-1:0] STEPS = 1,  // added to the address when a loop goes on
    parameter START  = 0,                // first address
    parameter TABLED = 0,                // 1: addresses come from TABLE
    parameter TABLE  = ""                // hex file of addresses
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [WIDTH-1:0] s_data,
    input  wire             s_valid,
    output wire             s_ready,
    output wire [WIDTH-1:0] m_data,
    output wire             m_valid,
    input  wire             m_ready
);
    localparam integer AW = $clog2(2 * DEPTH);
    localparam [31:0] BASE_W  = DEPTH;
    localparam [31:0] MID_W   = DEPTH - 1;
    localparam [31:0] END_W   = 2 * DEPTH - 1;
    localparam [31:0] START_W = START;
    localparam [31:0] UPPER_W = DEPTH + START;
    localparam [AW-1:0] BASE  = BASE_W[AW-1:0];
    localparam [AW-1:0] MID   = MID_W[AW-1:0];
    localparam [AW-1:0] STOP  = END_W[AW-1:0];

    reg [WIDTH-1:0] memory [0:2*DEPTH-1];
    reg [WIDTH-1:0] read_q;
    reg             valid_q;
    reg [AW-1:0]    wr_q;
    reg             wr_bank_q;
    reg             rd_bank_q;
    reg [1:0]       full_q;

    wire            en;
    wire            go;
    wire            last;     // beat of the block
    wire [AW-1:0]   rd_addr;
    wire            write  = s_valid & s_ready;
    wire            filled = write & (wr_q == (wr_bank_q ? STOP : MID));
    wire            read   = en & go;
    wire            whole  = full_q[rd_bank_q];

    assign s_ready = ~full_q[wr_bank_q];

    always @(posedge clk) begin
        if (write)
            memory[wr_q] <= s_data;
        if (en)
            read_q <= memory[rd_addr];
    end

    always @(posedge clk) begin
        if (rst) begin
            wr_q      <= {AW{1'b0}};
            wr_bank_q <= 1'b0;
            rd_bank_q <= 1'b0;
            full_q    <= 2'b00;
            valid_q   <= 1'b0;
        end else begin
            if (write)
                wr_q <= (filled & wr_bank_q) ? {AW{1'b0}} : wr_q + 1'b1;
            if (filled) begin
                wr_bank_q         <= ~wr_bank_q;
                full_q[wr_bank_q] <= 1'b1;
            end
            if (read & last) begin
                rd_bank_q         <= ~rd_bank_q;
                full_q[rd_bank_q] <= 1'b0;
            end
            if (en)
                valid_q <= go;
        end
    end

    genvar l;
    generate
        if (TABLED != 0) begin : gen_table
            localparam          CW      = (COUNT > 1) ? $clog2(COUNT) : 1;
            localparam          RW      = (DEPTH > 1) ? $clog2(DEPTH) : 1;
            localparam [31:0]   CLAST_W = COUNT - 1;
            localparam [CW-1:0] CLAST   = CLAST_W[CW-1:0];
            reg [CW-1:0]  place_q;
            wire [CW-1:0] next = ~read ? place_q : last ? {CW{1'b0}} : place_q + 1'b1;
            wire [RW-1:0] address;
            wire [AW:0]   wide = {{(AW+1-RW){1'b0}}, address};

            // Looked up one cycle ahead, so that the word is there when it is wanted.
            hwc_rom #(.WIDTH(RW), .DEPTH(COUNT), .TABLE(TABLE)) order (
                .clk(clk), .en(1'b1), .addr(rst ? {CW{1'b0}} : next), .data(address)
            );
            always @(posedge clk)
                if (rst)
                    place_q <= {CW{1'b0}};
                else
                    place_q <= next;

            assign last    = (place_q == CLAST);
            assign rd_addr = wide[AW-1:0] + (rd_bank_q ? BASE : {AW{1'b0}});
            assign go      = whole;
            wire unused = &{1'b0, wide[AW]};
        end else begin : gen_loops
            wire [LOOPS:0]          ends;  // loop l - 1 and all the inner ones are at their ends
            wire [(LOOPS+1)*AW-1:0] pick;
            reg [AW-1:0]            rd_q;

            assign ends[0] = 1'b1;
            assign pick[LOOPS*AW +: AW] = {AW{1'b0}};
            assign last    = ends[LOOPS];
            assign rd_addr = rd_q;
            // Where the block is not complete the writer is in the same half.
            assign go      = whole | (~last & (rd_q < wr_q));

            always @(posedge clk) begin
                if (rst)
                    rd_q <= START_W[AW-1:0];
                else if (read)
                    rd_q <= ~last ? rd_q + pick[AW-1:0]
                          : rd_bank_q ? START_W[AW-1:0] : UPPER_W[AW-1:0];
            end

            for (l = 0; l < LOOPS; l = l + 1) begin : gen_loop
                localparam [31:0]   SIZE   = SIZES[l*32 +: 32];
                localparam [31:0]   STEP   = STEPS[l*32 +: 32];
                localparam          NW     = (SIZE > 1) ? $clog2(SIZE) : 1;
                localparam [31:0]   LAST_W = SIZE - 1;
                localparam [NW-1:0] LAST   = LAST_W[NW-1:0];
                reg [NW-1:0] n_q;
                wire at_end = (n_q == LAST);
                assign ends[l+1] = ends[l] & at_end;
                assign pick[l*AW +: AW] = at_end ? pick[(l+1)*AW +: AW] : STEP[AW-1:0];
                always @(posedge clk) begin
                    if (rst)
                        n_q <= {NW{1'b0}};
                    else if (read & ends[l])
                        n_q <= at_end ? {NW{1'b0}} : n_q + 1'b1;
                end
            end
        end
    endgenerate

    hwc_skid #(.WIDTH(WIDTH)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(read_q), .s_valid(valid_q), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
