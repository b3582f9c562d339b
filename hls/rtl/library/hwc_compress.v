// Sum of many bits of a few weights: column c holds HEIGHTS[16*c +: 16] bits that
// count 2**c each, column 0 lowest. Combinational; the sum is taken modulo
// 2**OUT_BITS. TOTAL is the number of bits, COLUMNS <= OUT_BITS.
//
// Six bits of a column become three of the next columns, a six-input table each:
// one table for every bit that disappears, which ripple adders reach only when
// they are long. What is left at four bits a column or fewer is added as pairs of
// rows.
module hwc_compress #(
    parameter COLUMNS  = 2,  // weights of bits
    parameter TOTAL    = 8,  // bits to add
    parameter OUT_BITS = 4,  // bits of the sum
    parameter [16*COLUMNS-1:0] HEIGHTS = {COLUMNS{16'd4}}  // bits of every column, 16 bits each
) (
    input  wire [TOTAL-1:0]    x,
    output wire [OUT_BITS-1:0] sum
);
    // Bits of column c, of all columns below it, and of the highest column.
    function integer height(input integer c);
        height = (c >= 0 && c < COLUMNS) ? {16'd0, HEIGHTS[16*((c < 0) ? 0 : c) +: 16]} : 0;
    endfunction
    function integer below(input integer c);
        integer i;
        begin
            below = 0;
            for (i = 0; i < c; i = i + 1)
                below = below + height(i);
        end
    endfunction
    function integer highest(input integer unused);
        integer i;
        begin
            highest = unused;
            for (i = 0; i < COLUMNS; i = i + 1)
                if (height(i) > highest)
                    highest = height(i);
        end
    endfunction
    // Six-to-three tables of column c, the last one perhaps of five bits, and the
    // bits that pass by.
    function integer tables(input integer c);
        tables = (height(c) + 1) / 6;
    endfunction
    function integer passing(input integer c);
        passing = (height(c) % 6 == 5) ? 0 : height(c) % 6;
    endfunction
    function integer next_height(input integer c);
        next_height = tables(c) + passing(c) + tables(c - 1) + tables(c - 2);
    endfunction
    function integer next_below(input integer c);
        integer i;
        begin
            next_below = 0;
            for (i = 0; i < c; i = i + 1)
                next_below = next_below + next_height(i);
        end
    endfunction
    // Heights have 16 bits wherever they are stored.
    /* verilator lint_off WIDTHTRUNC */
    function [16*OUT_BITS-1:0] next_heights(input integer columns);
        integer i;
        begin
            next_heights = {(16*OUT_BITS){1'b0}};
            for (i = 0; i < columns; i = i + 1)
                next_heights[16*i +: 16] = next_height(i);
        end
    endfunction
    /* verilator lint_on WIDTHTRUNC */

    // Carries beyond the result are dropped.
    localparam NEXT = (COLUMNS + 2 < OUT_BITS) ? COLUMNS + 2 : OUT_BITS;
    localparam HIGH = highest(0);

    genvar c, i;
    generate
        if (HIGH > 4) begin : gen_level
            localparam NEXT_TOTAL = next_below(NEXT);
            localparam [16*OUT_BITS-1:0] ALL = next_heights(NEXT);
            wire [NEXT_TOTAL-1:0] y;
            for (c = 0; c < COLUMNS; c = c + 1) begin : gen_column
                // Column c of y: what passes, then ones, then carries from below.
                for (i = 0; i < passing(c); i = i + 1) begin : gen_pass
                    assign y[next_below(c) + i] = x[below(c) + 6*tables(c) + i];
                end
                for (i = 0; i < tables(c); i = i + 1) begin : gen_table
                    wire [5:0] v;
                    wire [2:0] n;
                    if (6*i + 6 <= height(c)) begin : gen_six
                        assign v = x[below(c) + 6*i +: 6];
                    end else begin : gen_five
                        assign v = {1'b0, x[below(c) + 6*i +: 5]};
                    end
                    wire s0 = v[0] ^ v[1] ^ v[2];
                    wire c0 = (v[0] & v[1]) | (v[2] & (v[0] | v[1]));
                    wire s1 = v[3] ^ v[4] ^ v[5];
                    wire c1 = (v[3] & v[4]) | (v[5] & (v[3] | v[4]));
                    wire k  = s0 & s1;
                    assign n = {(c0 & c1) | (k & (c0 | c1)), c0 ^ c1 ^ k, s0 ^ s1};
                    assign y[next_below(c) + passing(c) + i] = n[0];
                    if (c + 1 < NEXT) begin : gen_twos
                        assign y[next_below(c+1) + passing(c+1) + tables(c+1) + i] = n[1];
                    end
                    if (c + 2 < NEXT) begin : gen_fours
                        assign y[next_below(c+2) + passing(c+2) + tables(c+2) + tables(c+1) + i]
                            = n[2];
                    end
                    wire unused = &{1'b0, n};
                end
            end
            hwc_compress #(
                .COLUMNS(NEXT), .TOTAL(NEXT_TOTAL), .OUT_BITS(OUT_BITS),
                .HEIGHTS(ALL[16*NEXT-1:0])
            ) rest (.x(y), .sum(sum));
        end else begin : gen_rows
            wire [4*OUT_BITS-1:0] rows;
            for (c = 0; c < OUT_BITS; c = c + 1) begin : gen_column
                for (i = 0; i < 4; i = i + 1) begin : gen_bit
                    if (i < height(c)) begin : gen_taken
                        assign rows[i*OUT_BITS + c] = x[below(c) + i];
                    end else begin : gen_zero
                        assign rows[i*OUT_BITS + c] = 1'b0;
                    end
                end
            end
            wire [OUT_BITS-1:0] first = rows[0 +: OUT_BITS] + rows[OUT_BITS +: OUT_BITS];
            if (HIGH > 2) begin : gen_second
                assign sum = first + (rows[2*OUT_BITS +: OUT_BITS] + rows[3*OUT_BITS +: OUT_BITS]);
            end else begin : gen_only
                wire unused = &{1'b0, rows[4*OUT_BITS-1:2*OUT_BITS]};
                assign sum = first;
            end
        end
    endgenerate
endmodule
