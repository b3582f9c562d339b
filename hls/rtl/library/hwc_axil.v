// Writes memories of the design at run time, from an AXI4-Lite port.
//
// Registers (byte address): 0x00 identity, reads 0x48574357. 0x04 number of the
// memory. 0x08 address of the word in it. 0x0C next 32 bits of the word, lowest
// first; reads as the number of pieces given. 0x10 commit: writes the word, moves
// to the next address and expects the first piece again. Others read 0 and take
// no writes. Byte strobes are ignored: write whole words.
//
// load_en is 1 for the cycle after a commit; load_data holds PIECES * 32 bits, of
// which a memory takes as many as it is wide. Weights should not change while
// frames are in the design.
// Timing: one write and one read at a time, a cycle after both address and data
// are there; ready and valid are registers.
module hwc_axil #(
    parameter PIECES      = 1,  // transfers of 32 bits for the widest word
    parameter SELECT_BITS = 1,  // bits of a memory's number
    parameter ADDR_BITS   = 8   // bits of an address in the deepest memory
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire [4:0]             s_axil_awaddr,
    input  wire                   s_axil_awvalid,
    output wire                   s_axil_awready,
    input  wire [31:0]            s_axil_wdata,
    input  wire [3:0]             s_axil_wstrb,
    input  wire                   s_axil_wvalid,
    output wire                   s_axil_wready,
    output wire [1:0]             s_axil_bresp,
    output wire                   s_axil_bvalid,
    input  wire                   s_axil_bready,
    input  wire [4:0]             s_axil_araddr,
    input  wire                   s_axil_arvalid,
    output wire                   s_axil_arready,
    output wire [31:0]            s_axil_rdata,
    output wire [1:0]             s_axil_rresp,
    output wire                   s_axil_rvalid,
    input  wire                   s_axil_rready,
    output wire                   load_en,
    output wire [SELECT_BITS-1:0] load_select,
    output wire [ADDR_BITS-1:0]   load_addr,
    output wire [PIECES*32-1:0]   load_data
);
    localparam        CW     = $clog2(PIECES + 1);
    localparam [31:0] COUNT  = PIECES;

    reg [SELECT_BITS-1:0] select_q;
    reg [ADDR_BITS-1:0]   addr_q;
    reg [PIECES*32-1:0]   data_q;
    reg [CW-1:0]          piece_q;
    reg                   load_q;

    // ---- writes: address and data are kept until both are there
    reg        aw_free_q, w_free_q, b_q;
    reg [2:0]  aw_q;
    reg [31:0] w_q;
    wire       take = ~aw_free_q & ~w_free_q & ~b_q;
    wire       commit = take & (aw_q == 3'd4);

    assign s_axil_awready = aw_free_q;
    assign s_axil_wready  = w_free_q;
    assign s_axil_bvalid  = b_q;
    assign s_axil_bresp   = 2'b00;
    assign load_en        = load_q & ~rst;  // before the first reset load_q may be anything
    assign load_select    = select_q;
    assign load_addr      = addr_q;
    assign load_data      = data_q;

    always @(posedge clk) begin
        if (s_axil_awvalid & aw_free_q)
            aw_q <= s_axil_awaddr[4:2];
        if (s_axil_wvalid & w_free_q)
            w_q <= s_axil_wdata;
    end

    always @(posedge clk) begin
        if (rst) begin
            aw_free_q <= 1'b1;
            w_free_q  <= 1'b1;
            b_q       <= 1'b0;
            load_q    <= 1'b0;
            select_q  <= {SELECT_BITS{1'b0}};
            addr_q    <= {ADDR_BITS{1'b0}};
            piece_q   <= {CW{1'b0}};
        end else begin
            aw_free_q <= aw_free_q ? ~s_axil_awvalid : take;
            w_free_q  <= w_free_q ? ~s_axil_wvalid : take;
            b_q       <= take | (b_q & ~s_axil_bready);
            load_q    <= commit;
            if (take & (aw_q == 3'd1))
                select_q <= w_q[SELECT_BITS-1:0];
            if (take & (aw_q == 3'd2))
                addr_q <= w_q[ADDR_BITS-1:0];
            else if (load_q)
                addr_q <= addr_q + 1'b1;
            if (commit)
                piece_q <= {CW{1'b0}};
            else if (take & (aw_q == 3'd3) & (piece_q != COUNT[CW-1:0]))
                piece_q <= piece_q + 1'b1;
        end
    end

    genvar i;
    generate
        for (i = 0; i < PIECES; i = i + 1) begin : gen_piece
            localparam [31:0] PLACE = i;
            always @(posedge clk)
                if (take & (aw_q == 3'd3) & (piece_q == PLACE[CW-1:0]))
                    data_q[32*i +: 32] <= w_q;
        end
    endgenerate

    // ---- reads
    reg        r_q;
    reg [31:0] rdata_q;

    assign s_axil_arready = ~r_q;
    assign s_axil_rvalid  = r_q;
    assign s_axil_rdata   = rdata_q;
    assign s_axil_rresp   = 2'b00;

    always @(posedge clk) begin
        if (rst)
            r_q <= 1'b0;
        else
            r_q <= r_q ? ~s_axil_rready : s_axil_arvalid;
    end

    always @(posedge clk)
        if (~r_q)
            case (s_axil_araddr[4:2])
                3'd0:    rdata_q <= 32'h48574357;
                3'd1:    rdata_q <= {{(32-SELECT_BITS){1'b0}}, select_q};
                3'd2:    rdata_q <= {{(32-ADDR_BITS){1'b0}}, addr_q};
                3'd3:    rdata_q <= {{(32-CW){1'b0}}, piece_q};
                default: rdata_q <= 32'd0;
            endcase

    wire unused = &{1'b0, s_axil_wstrb, s_axil_awaddr[1:0], s_axil_araddr[1:0]};
endmodule
