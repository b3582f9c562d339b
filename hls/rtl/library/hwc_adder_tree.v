// Sum of N elements of IN_BITS, signed or unsigned, as a balanced tree.
// The sum has IN_BITS + clog2(N) bits. Combinational.
module hwc_adder_tree #(
    parameter N       = 2,  // elements
    parameter IN_BITS = 4,  // bits of an input element
    parameter SIGNED  = 1   // 1 signed, 0 unsigned
) (
    input  wire [N*IN_BITS-1:0]         x,
    output wire [IN_BITS+$clog2(N)-1:0] sum
);
    localparam W  = IN_BITS + $clog2(N);
    localparam NA = (N + 1) / 2;
    localparam NB = N - NA;
    localparam WA = IN_BITS + $clog2(NA);

    generate
        if (N == 1) begin : gen_leaf
            assign sum = x;
        end else begin : gen_node
            localparam WB = IN_BITS + $clog2(NB);
            wire [WA-1:0] a;
            wire [WB-1:0] b;
            wire          fill_a = (SIGNED != 0) & a[WA-1];
            wire          fill_b = (SIGNED != 0) & b[WB-1];
            hwc_adder_tree #(.N(NA), .IN_BITS(IN_BITS), .SIGNED(SIGNED)) left (
                .x(x[NA*IN_BITS-1:0]), .sum(a)
            );
            hwc_adder_tree #(.N(NB), .IN_BITS(IN_BITS), .SIGNED(SIGNED)) right (
                .x(x[N*IN_BITS-1:NA*IN_BITS]), .sum(b)
            );
            assign sum = {{(W-WA){fill_a}}, a} + {{(W-WB){fill_b}}, b};
        end
    endgenerate
endmodule
