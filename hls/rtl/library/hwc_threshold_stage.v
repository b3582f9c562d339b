// One stage of hwc_threshold_search for one lane: decides bit
// STAGES - 1 - STAGE of the count, the bits above being known.
//
// TABLE: hex file of FOLDS * 2**STAGE thresholds, by fold, then by the upper
// bits. Not a stream: en moves the whole search pipeline. Latency 2.
module hwc_threshold_stage #(
    parameter T_BITS = 8,  // bits of a threshold, signed
    parameter FOLDS  = 1,  // channel folds: sets of constants that take turns
    parameter FW     = 1,  // bits of a fold number
    parameter STAGE  = 0,  // this stage, from 0
    parameter STAGES = 4,  // stages of the search
    parameter TABLE  = ""  // hex file
) (
    input  wire              clk,
    input  wire              en,
    input  wire [T_BITS-1:0] x,
    input  wire [FW-1:0]     fold,
    input  wire [STAGES-1:0] count,
    output wire [T_BITS-1:0] next_x,
    output wire [FW-1:0]     next_fold,
    output wire [STAGES-1:0] next_count
);
    localparam WORDS = FOLDS << STAGE;
    localparam AW    = (WORDS > 1) ? $clog2(WORDS) : 1;

    wire [T_BITS-1:0] t_q;
    reg [T_BITS-1:0] x_1_q, x_2_q;
    reg [FW-1:0]     fold_1_q, fold_2_q;
    reg [STAGES-1:0] count_1_q, count_2_q;

    // {fold, upper bits of the count}; the lower bits of count are still zero.
    wire [FW+STAGES-1:0] place = {fold, count} >> (STAGES - STAGE);
    wire [AW-1:0]        addr  = place[AW-1:0];

    hwc_rom #(.WIDTH(T_BITS), .DEPTH(WORDS), .TABLE(TABLE)) thresholds (
        .clk(clk), .en(en), .addr(addr), .data(t_q)
    );

    generate
        if (FW + STAGES > AW) begin : gen_unused
            // Shifted-in zeros.
            wire unused = &{1'b0, place[FW+STAGES-1:AW]};
        end
    endgenerate

    always @(posedge clk)
        if (en) begin
            x_1_q     <= x;
            fold_1_q  <= fold;
            count_1_q <= count;
            x_2_q     <= x_1_q;
            fold_2_q  <= fold_1_q;
            count_2_q <= count_1_q;
            count_2_q[STAGES-1-STAGE] <= ($signed(x_1_q) >= $signed(t_q));
        end

    assign next_x     = x_2_q;
    assign next_fold  = fold_2_q;
    assign next_count = count_2_q;
endmodule
