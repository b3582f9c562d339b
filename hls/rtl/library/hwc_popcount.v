// Number of ones among N bits, N >= 1. Combinational.
//
// Six bits at a time become three by two full adders and a two-bit sum, which
// fit into three six-input tables; an adder tree does the rest.
module hwc_popcount #(
    parameter N = 6  // bits
) (
    input  wire [N-1:0]             x,
    output wire [$clog2(N+1)-1:0]   count
);
    localparam CHUNKS = (N + 5) / 6;
    localparam TREE   = 3 + $clog2(CHUNKS);

    wire [6*CHUNKS-1:0] padded;
    wire [3*CHUNKS-1:0] parts;
    wire [TREE-1:0]     total;

    genvar i;
    generate
        if (6*CHUNKS > N) begin : gen_pad
            assign padded = {{(6*CHUNKS-N){1'b0}}, x};
        end else begin : gen_full
            assign padded = x;
        end
        for (i = 0; i < CHUNKS; i = i + 1) begin : gen_chunk
            wire [5:0] v  = padded[6*i +: 6];
            wire       s0 = v[0] ^ v[1] ^ v[2];
            wire       c0 = (v[0] & v[1]) | (v[2] & (v[0] | v[1]));
            wire       s1 = v[3] ^ v[4] ^ v[5];
            wire       c1 = (v[3] & v[4]) | (v[5] & (v[3] | v[4]));
            wire       k  = s0 & s1;
            assign parts[3*i]   = s0 ^ s1;
            assign parts[3*i+1] = c0 ^ c1 ^ k;
            assign parts[3*i+2] = (c0 & c1) | (k & (c0 | c1));
        end
    endgenerate

    hwc_adder_tree #(.N(CHUNKS), .IN_BITS(3), .SIGNED(0)) tree (.x(parts), .sum(total));

    assign count = total[$clog2(N+1)-1:0];

    generate
        if (TREE > $clog2(N+1)) begin : gen_unused
            // The top bits of the tree are zero: it counts padding, too.
            wire unused = &{1'b0, total[TREE-1:$clog2(N+1)]};
        end
    endgenerate
endmodule
