// Largest of N elements of BITS, signed or unsigned, as a balanced tree.
// Combinational.
module hwc_max_tree #(
    parameter N      = 2,  // elements
    parameter BITS   = 4,  // bits of an element
    parameter SIGNED = 1   // 1 signed, 0 unsigned
) (
    input  wire [N*BITS-1:0] x,
    output wire [BITS-1:0]   largest
);
    localparam NA = (N + 1) / 2;
    localparam NB = N - NA;

    generate
        if (N == 1) begin : gen_leaf
            assign largest = x;
        end else begin : gen_node
            wire [BITS-1:0] a;
            wire [BITS-1:0] b;
            wire            second;
            hwc_max_tree #(.N(NA), .BITS(BITS), .SIGNED(SIGNED)) left (
                .x(x[NA*BITS-1:0]), .largest(a)
            );
            hwc_max_tree #(.N(NB), .BITS(BITS), .SIGNED(SIGNED)) right (
                .x(x[N*BITS-1:NA*BITS]), .largest(b)
            );
            if (SIGNED != 0) begin : gen_signed
                assign second = ($signed(b) > $signed(a));
            end else begin : gen_unsigned
                assign second = (b > a);
            end
            assign largest = second ? b : a;
        end
    endgenerate
endmodule
