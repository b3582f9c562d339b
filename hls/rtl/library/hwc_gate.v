// Product of two streams, element by element: x in the lower part of s_data,
// LANES elements, the gate above it, G_LANES elements; with fewer of them than
// LANES they hold for one group of x after the other.
//
// KIND: 0 unsigned, 1 signed, 2 bipolar, 3 ternary. P_BITS: signed width that
// holds every product; OUT_BITS <= P_BITS is the width of the stored form.
// Bipolar times bipolar is bipolar: one bit, whatever P_BITS.
//
// Contract: see hwc_skid; a ready also depends on the valid of the other
// input. Timing: latency 3, one beat a cycle.
module hwc_gate #(
    parameter LANES    = 1,      // elements of x
    parameter G_LANES  = LANES,  // elements of the gate, divides LANES
    parameter X_BITS   = 4,      // bits of an element of x
    parameter X_KIND   = 0,      // 0 unsigned, 1 signed, 2 bipolar, 3 ternary
    parameter G_BITS   = 4,      // bits of an element of the gate
    parameter G_KIND   = 0,      // likewise, of the gate
    parameter P_BITS   = 9,      // bits of a product, signed
    parameter OUT_BITS = 8       // bits of an output element
) (
    input  wire                                   clk,
    input  wire                                   rst,
    input  wire [LANES*X_BITS+G_LANES*G_BITS-1:0] s_data,
    input  wire [1:0]                             s_valid,
    output wire [1:0]                             s_ready,
    output wire [LANES*OUT_BITS-1:0]              m_data,
    output wire                                   m_valid,
    input  wire                                   m_ready
);
    reg [LANES*X_BITS-1:0]    x_q;
    reg [G_LANES*G_BITS-1:0]  g_q;
    wire [LANES*OUT_BITS-1:0] product;
    reg [LANES*OUT_BITS-1:0]  product_q;
    reg                       valid_1_q, valid_2_q;

    wire en;
    assign s_ready = {en & s_valid[0], en & s_valid[1]};

    always @(posedge clk)
        if (en) begin
            x_q       <= s_data[LANES*X_BITS-1:0];
            g_q       <= s_data[LANES*X_BITS +: G_LANES*G_BITS];
            product_q <= product;
        end

    always @(posedge clk) begin
        if (rst) begin
            valid_1_q <= 1'b0;
            valid_2_q <= 1'b0;
        end else if (en) begin
            valid_1_q <= &s_valid;
            valid_2_q <= valid_1_q;
        end
    end

    genvar l;
    generate
        for (l = 0; l < LANES; l = l + 1) begin : gen_lane
            wire [X_BITS-1:0] x = x_q[l*X_BITS +: X_BITS];
            wire [G_BITS-1:0] g = g_q[(l%G_LANES)*G_BITS +: G_BITS];
            if (X_KIND == 2 && G_KIND == 2) begin : gen_xnor
                assign product[l] = ~(x[0] ^ g[0]);
            end else begin : gen_mul
                wire [P_BITS-1:0] p;
                hwc_mul #(
                    .X_BITS(X_BITS), .X_KIND(X_KIND),
                    .W_BITS(G_BITS), .W_KIND(G_KIND), .P_BITS(P_BITS)
                ) mul (.x(x), .w(g), .p(p));
                assign product[l*OUT_BITS +: OUT_BITS] = p[OUT_BITS-1:0];
                if (P_BITS > OUT_BITS) begin : gen_unused
                    // The sign of what is never negative.
                    wire unused = &{1'b0, p[P_BITS-1:OUT_BITS]};
                end
            end
        end
    endgenerate

    hwc_skid #(.WIDTH(LANES*OUT_BITS)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(product_q), .s_valid(valid_2_q), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
