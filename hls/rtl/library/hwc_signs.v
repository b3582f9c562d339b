// Sum of SIMD products of bipolar or ternary elements X and weights W, plus SIMD,
// in two registered steps: every product is counted from 0 (for -1) to 2.
//
// KIND: 2 bipolar (one bit, 0 for -1), 3 ternary (two bits of two's complement).
// Three bipolar pairs, or two pairs of a bipolar and a ternary factor, are six
// inputs: their sum is one table a bit, and no product exists by itself. Two
// ternary factors make a table of four inputs for each of two bits.
//
// Not a stream: `en` moves both registers, sum_q belongs to x and w of two steps
// before. No reset. SUM_BITS holds 0..2*SIMD.
module hwc_signs #(
    parameter SIMD     = 3,  // products
    parameter X_KIND   = 2,  // 2 bipolar, 3 ternary
    parameter W_KIND   = 2,  // likewise, of a weight
    parameter SUM_BITS = 3   // bits of the sum
) (
    input  wire                                        clk,
    input  wire                                        en,
    input  wire [SIMD*((X_KIND == 2) ? 1 : 2)-1:0]     x,
    input  wire [SIMD*((W_KIND == 2) ? 1 : 2)-1:0]     w,
    output wire [SUM_BITS-1:0]                         sum
);
    localparam XB    = (X_KIND == 2) ? 1 : 2;
    localparam WB    = (W_KIND == 2) ? 1 : 2;
    localparam XNOR  = (XB == 1 && WB == 1) ? 1 : 0;
    localparam MIXED = (XB + WB == 3) ? 1 : 0;
    // Products of a group; a group's sum has a bit in every column, the last group
    // none in the highest one if it is of one product while others have more.
    localparam PER     = (XNOR != 0) ? 3 : (MIXED != 0) ? 2 : 1;
    localparam COLUMNS = (MIXED != 0) ? 3 : 2;
    localparam GROUPS  = (SIMD + PER - 1) / PER;
    localparam LEFT    = SIMD - (GROUPS - 1) * PER;
    localparam SHORT   = (PER > 1 && LEFT == 1) ? 1 : 0;
    localparam TOTAL   = COLUMNS * GROUPS - SHORT;
    // Agreements of bipolar factors count double, which is a shift at the end.
    localparam MOST = (XNOR != 0) ? SIMD : 2 * SIMD;
    localparam NEED = $clog2(MOST + 1);
    localparam CB   = (NEED > COLUMNS) ? NEED : COLUMNS;
    localparam [31:0] ALL_W = GROUPS;
    localparam [31:0] TOP_W = GROUPS - SHORT;
    localparam [16*COLUMNS-1:0] HEIGHTS = {TOP_W[15:0], {(COLUMNS-1){ALL_W[15:0]}}};

    wire [COLUMNS*GROUPS-1:0] part;  // by column, then by group
    reg  [TOTAL-1:0]          part_q;
    wire [CB-1:0]             count;
    reg  [CB-1:0]             count_q;

    always @(posedge clk)
        if (en) begin
            part_q  <= part[TOTAL-1:0];
            count_q <= count;
        end

    hwc_compress #(
        .COLUMNS(COLUMNS), .TOTAL(TOTAL), .OUT_BITS(CB), .HEIGHTS(HEIGHTS)
    ) compress (.x(part_q), .sum(count));

    genvar g, j;
    generate
        for (g = 0; g < GROUPS; g = g + 1) begin : gen_group
            // Of three products: above -1, above 0. Absent ones count nothing.
            wire [2:0] low;
            wire [2:0] high;
            for (j = 0; j < 3; j = j + 1) begin : gen_product
                if (j < PER && g*PER + j < SIMD) begin : gen_there
                    wire [XB-1:0] xe = x[(g*PER+j)*XB +: XB];
                    wire [WB-1:0] we = w[(g*PER+j)*WB +: WB];
                    wire x_minus = (XB == 1) ? ~xe[0] : xe[XB-1];
                    wire w_minus = (WB == 1) ? ~we[0] : we[WB-1];
                    wire some    = ((XB == 1) | xe[0]) & ((WB == 1) | we[0]);
                    assign low[j]  = ~(some & (x_minus ^ w_minus));
                    assign high[j] = some & ~(x_minus ^ w_minus);
                end else begin : gen_absent
                    assign low[j]  = 1'b0;
                    assign high[j] = 1'b0;
                end
            end
            if (XNOR != 0) begin : gen_three
                assign part[g]        = low[0] ^ low[1] ^ low[2];
                assign part[GROUPS+g] = (low[0] & low[1]) | (low[2] & (low[0] | low[1]));
                wire unused = &{1'b0, high};
            end else begin : gen_from_zero
                // low + high of both products: their ones, and their twos (high implies low).
                wire [1:0] one   = low[1:0] ^ high[1:0];
                wire       carry = one[0] & one[1];
                assign part[g]        = one[0] ^ one[1];
                assign part[GROUPS+g] = high[0] ^ high[1] ^ carry;
                if (COLUMNS > 2) begin : gen_fours
                    assign part[2*GROUPS+g] = (high[0] & high[1]) | (carry & (high[0] | high[1]));
                end
                wire unused = &{1'b0, low[2], high[2]};
            end
        end
        if (SHORT != 0) begin : gen_short
            wire unused = &{1'b0, part[COLUMNS*GROUPS-1]};
        end
    endgenerate

    localparam WIDE = CB + XNOR;
    wire [WIDE-1:0] doubled;
    generate
        if (XNOR != 0) begin : gen_double
            assign doubled = {count_q, 1'b0};
        end else begin : gen_single
            assign doubled = count_q;
        end
        if (SUM_BITS > WIDE) begin : gen_wider
            assign sum = {{(SUM_BITS-WIDE){1'b0}}, doubled};
        end else begin : gen_cut
            assign sum = doubled[SUM_BITS-1:0];
            if (WIDE > SUM_BITS) begin : gen_unused
                wire unused = &{1'b0, doubled[WIDE-1:SUM_BITS]};
            end
        end
    endgenerate
endmodule
