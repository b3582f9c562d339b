// Table lookup: each lane's element is the address of a memory of its own.
//
// The address is the lowest INDEX bits of the stored form: a type of at most
// 2**INDEX values that follow each other (or of -1 and +1) gives each one
// another address, wherever it starts; the generator fills the words in that
// order. FOLDS sets of words go round, one a beat (channel folds).
// TABLE: hex files of FOLDS * 2**INDEX words of OUT_BITS bits, by fold. With
// OWN = 0 all lanes read the file TABLE.hex; with OWN = 1 lane i reads
// TABLE_<i, five digits>.hex. Files only: lanes never share a memory.
//
// Contract: see hwc_skid. Timing: latency 2, one beat a cycle; s_ready is a
// register. Control: a pipeline of one stage, then hwc_skid.
module hwc_table #(
    parameter PE       = 1,  // lanes
    parameter IN_BITS  = 4,  // bits of an input element
    parameter INDEX    = 4,  // bits of a lane's address
    parameter OUT_BITS = 4,  // bits of an output element
    parameter FOLDS    = 1,  // channel folds: sets of constants that take turns
    parameter OWN      = 0,  // 1: a file for each lane
    parameter TABLE    = ""  // beginning of the hex files' names
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire [PE*IN_BITS-1:0]  s_data,
    input  wire                   s_valid,
    output wire                   s_ready,
    output wire [PE*OUT_BITS-1:0] m_data,
    output wire                   m_valid,
    input  wire                   m_ready
);
    localparam WORDS = FOLDS << INDEX;
    localparam FW    = (FOLDS > 1) ? $clog2(FOLDS) : 1;
    localparam AW    = (FOLDS > 1) ? FW + INDEX : INDEX;
    localparam [31:0]   FLAST_W = FOLDS - 1;
    localparam [FW-1:0] LAST    = FLAST_W[FW-1:0];

    reg [FW-1:0]           fold_q;
    reg                    valid_q;
    wire [PE*OUT_BITS-1:0] y;

    wire en;
    assign s_ready = en;

    always @(posedge clk) begin
        if (rst) begin
            fold_q  <= {FW{1'b0}};
            valid_q <= 1'b0;
        end else if (en) begin
            if (s_valid)
                fold_q <= (fold_q == LAST) ? {FW{1'b0}} : fold_q + 1'b1;
            valid_q <= s_valid;
        end
    end

    genvar i;
    generate
        for (i = 0; i < PE; i = i + 1) begin : gen_pe
            wire [IN_BITS-1:0] x = s_data[i*IN_BITS +: IN_BITS];
            wire [FW+INDEX-1:0] place = {fold_q, x[INDEX-1:0]};
            if (IN_BITS > INDEX) begin : gen_unused
                // The same for every value of the type, or copies of the sign.
                wire unused = &{1'b0, x[IN_BITS-1:INDEX]};
            end
            if (FOLDS == 1) begin : gen_one_fold
                wire unused_fold = &{1'b0, place[INDEX]};
            end
            if (OWN != 0) begin : gen_own
                localparam [31:0] D4 = 48 + (i / 10000) % 10;
                localparam [31:0] D3 = 48 + (i / 1000) % 10;
                localparam [31:0] D2 = 48 + (i / 100) % 10;
                localparam [31:0] D1 = 48 + (i / 10) % 10;
                localparam [31:0] D0 = 48 + i % 10;
                hwc_rom #(
                    .WIDTH(OUT_BITS), .DEPTH(WORDS),
                    .TABLE({TABLE, "_", D4[7:0], D3[7:0], D2[7:0], D1[7:0], D0[7:0], ".hex"})
                ) values (
                    .clk(clk), .en(en), .addr(place[AW-1:0]), .data(y[i*OUT_BITS +: OUT_BITS])
                );
            end else begin : gen_common
                hwc_rom #(
                    .WIDTH(OUT_BITS), .DEPTH(WORDS), .TABLE((TABLE == "") ? "" : {TABLE, ".hex"})
                ) values (
                    .clk(clk), .en(en), .addr(place[AW-1:0]), .data(y[i*OUT_BITS +: OUT_BITS])
                );
            end
        end
    endgenerate

    hwc_skid #(.WIDTH(PE*OUT_BITS)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(y), .s_valid(valid_q), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
