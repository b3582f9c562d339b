// Step function by binary search: y = LO + #{k : x >= t[k]} with ascending
// thresholds, one comparator a lane and stage.
//
// Parameters as in hwc_threshold, with STAGES = clog2(K + 1), thresholds filled
// up to 2**STAGES - 1 with values that no x reaches. TABLES is the beginning of
// the hex files' names: stage and lane follow as <TABLES>_<two digits>_<five
// digits>.hex, with FOLDS * 2**stage words of T_BITS each. FALLING = 1 needs
// the further file <TABLES>_falling.hex of FOLDS words of PE bits.
//
// Contract: see hwc_skid. Timing: latency 2 * STAGES + 2, one beat a cycle;
// s_ready is a register.
module hwc_threshold_search #(
    parameter PE       = 1,          // lanes
    parameter IN_BITS  = 8,          // bits of an input element
    parameter KIND     = 1,          // of the input: 0 unsigned, 1 signed, 2 bipolar
    parameter K        = 31,         // thresholds of a channel
    parameter T_BITS   = 9,          // bits of a threshold, signed
    parameter FALLING  = 0,          // 1: lanes have a falling bit
    parameter FOLDS    = 1,          // channel folds: sets of constants that take turns
    parameter STAGES   = 5,          // clog2(K + 1)
    parameter TABLES   = "",         // beginning of the hex files' names
    parameter OUT_BITS = 5,          // bits of an output element
    parameter [OUT_BITS-1:0] LO = 0  // output below all thresholds
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
    localparam FW = (FOLDS > 1) ? $clog2(FOLDS) : 1;
    localparam [31:0]   FLAST_W = FOLDS - 1;
    localparam [31:0]   K_W     = K;
    localparam [FW-1:0] LAST    = FLAST_W[FW-1:0];

    reg [PE*IN_BITS-1:0]   x_q;
    reg [FW-1:0]           fold_q;    // of the arriving beat
    reg [FW-1:0]           fold_0_q;  // of x_q
    reg [2*STAGES:0]       valid_q;
    wire [PE*OUT_BITS-1:0] y;

    wire en;
    assign s_ready = en;

    always @(posedge clk)
        if (en) begin
            x_q      <= s_data;
            fold_0_q <= fold_q;
        end

    always @(posedge clk) begin
        if (rst) begin
            fold_q  <= {FW{1'b0}};
            valid_q <= {(2*STAGES+1){1'b0}};
        end else if (en) begin
            if (s_valid)
                fold_q <= (fold_q == LAST) ? {FW{1'b0}} : fold_q + 1'b1;
            valid_q <= {valid_q[2*STAGES-1:0], s_valid};
        end
    end

    genvar i, s;
    generate
        for (i = 0; i < PE; i = i + 1) begin : gen_pe
            // Stage s takes and gives its bits of these; counts in bits STAGES-1 .. 0.
            wire [(STAGES+1)*T_BITS-1:0] x;
            wire [(STAGES+1)*FW-1:0]     fold;
            wire [(STAGES+1)*STAGES-1:0] count;
            wire [STAGES-1:0]            found = count[STAGES*STAGES +: STAGES];
            wire [STAGES-1:0]            level;

            hwc_cast #(.LANES(1), .IN_BITS(IN_BITS), .KIND(KIND), .OUT_BITS(T_BITS)) cast (
                .x(x_q[i*IN_BITS +: IN_BITS]), .y(x[T_BITS-1:0])
            );
            assign fold[FW-1:0]      = fold_0_q;
            assign count[STAGES-1:0] = {STAGES{1'b0}};

            for (s = 0; s < STAGES; s = s + 1) begin : gen_stage
                localparam [31:0] S1 = 48 + s / 10;
                localparam [31:0] S0 = 48 + s % 10;
                localparam [31:0] L4 = 48 + (i / 10000) % 10;
                localparam [31:0] L3 = 48 + (i / 1000) % 10;
                localparam [31:0] L2 = 48 + (i / 100) % 10;
                localparam [31:0] L1 = 48 + (i / 10) % 10;
                localparam [31:0] L0 = 48 + i % 10;
                hwc_threshold_stage #(
                    .T_BITS(T_BITS), .FOLDS(FOLDS), .FW(FW), .STAGE(s), .STAGES(STAGES),
                    .TABLE((TABLES == "") ? "" : {TABLES, "_", S1[7:0], S0[7:0], "_", L4[7:0],
                                                   L3[7:0], L2[7:0], L1[7:0], L0[7:0], ".hex"})
                ) stage (
                    .clk(clk), .en(en),
                    .x(x[s*T_BITS +: T_BITS]), .fold(fold[s*FW +: FW]),
                    .count(count[s*STAGES +: STAGES]),
                    .next_x(x[(s+1)*T_BITS +: T_BITS]), .next_fold(fold[(s+1)*FW +: FW]),
                    .next_count(count[(s+1)*STAGES +: STAGES])
                );
            end

            if (FALLING != 0) begin : gen_falling
                (* rom_style = "auto" *)
                reg [PE-1:0] falling [0:FOLDS-1];
                wire [PE-1:0] word = falling[fold[STAGES*FW +: FW]];
                initial $readmemh({TABLES, "_falling.hex"}, falling);
                assign level = word[i] ? K_W[STAGES-1:0] - found : found;
                if (PE > 1) begin : gen_unused
                    // The other lanes' bits.
                    wire unused = &{1'b0, word};
                end
            end else begin : gen_rising
                assign level = found;
                // The fold of a finished search is of no use without falling lanes.
                wire unused = &{1'b0, fold[STAGES*FW +: FW]};
            end
            // The last x has been compared.
            wire unused_x = &{1'b0, x[STAGES*T_BITS +: T_BITS]};
            if (OUT_BITS > STAGES) begin : gen_wider
                assign y[i*OUT_BITS +: OUT_BITS] = {{(OUT_BITS-STAGES){1'b0}}, level} + LO;
            end else begin : gen_same
                assign y[i*OUT_BITS +: OUT_BITS] = level + LO;
            end
        end
    endgenerate

    hwc_skid #(.WIDTH(PE*OUT_BITS)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(y), .s_valid(valid_q[2*STAGES]), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
