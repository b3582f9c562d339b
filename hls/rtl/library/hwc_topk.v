// Indices of the K largest of COUNT elements, one element a beat, largest
// first, the lower index first on a tie; all K in one beat. K <= COUNT.
//
// An insertion sorter: every entry compares itself with the arriving element;
// those that are smaller move down by one.
// KIND of x: 0 unsigned, 1 signed, 2 bipolar.
//
// Contract: see hwc_skid. Timing: latency 3 from the last beat, one input beat
// a cycle; s_ready depends on registers only. Control: that of hwc_argmax.
module hwc_topk #(
    parameter IN_BITS  = 8,   // bits of an input element
    parameter KIND     = 1,   // of the input: 0 unsigned, 1 signed, 2 bipolar
    parameter COUNT    = 10,  // elements of a vector
    parameter K        = 3,   // indices wanted
    parameter OUT_BITS = 4    // bits of an index
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire [IN_BITS-1:0]    s_data,
    input  wire                  s_valid,
    output wire                  s_ready,
    output wire [K*OUT_BITS-1:0] m_data,
    output wire                  m_valid,
    input  wire                  m_ready
);
    localparam [31:0]         LAST_W = COUNT - 1;
    localparam [OUT_BITS-1:0] LAST   = LAST_W[OUT_BITS-1:0];

    reg [IN_BITS-1:0]    x_q;
    reg [OUT_BITS-1:0]   index_q;    // of the arriving element
    reg [OUT_BITS-1:0]   index_1_q;  // of x_q
    reg                  valid_1_q, valid_2_q;
    reg [K*IN_BITS-1:0]  best_q;
    reg [K*OUT_BITS-1:0] place_q;
    reg [K-1:0]          used_q;     // entries that hold an element of this frame

    wire         en;
    wire [K-1:0] used  = (index_1_q == {OUT_BITS{1'b0}}) ? {K{1'b0}} : used_q;
    wire [K-1:0] lower;              // entries that x_q goes before
    assign s_ready = en;

    always @(posedge clk)
        if (en) begin
            x_q       <= s_data;
            index_1_q <= index_q;
        end

    always @(posedge clk) begin
        if (rst) begin
            index_q   <= {OUT_BITS{1'b0}};
            valid_1_q <= 1'b0;
            valid_2_q <= 1'b0;
        end else if (en) begin
            if (s_valid)
                index_q <= (index_q == LAST) ? {OUT_BITS{1'b0}} : index_q + 1'b1;
            valid_1_q <= s_valid;
            valid_2_q <= valid_1_q & (index_1_q == LAST);
        end
    end

    genvar j;
    generate
        for (j = 0; j < K; j = j + 1) begin : gen_entry
            wire [IN_BITS-1:0] held = best_q[j*IN_BITS +: IN_BITS];
            wire               larger;
            if (KIND == 1) begin : gen_signed
                assign larger = ($signed(x_q) > $signed(held));
            end else begin : gen_unsigned
                assign larger = (x_q > held);
            end
            assign lower[j] = ~used[j] | larger;
            if (j == 0) begin : gen_head
                always @(posedge clk)
                    if (en & valid_1_q) begin
                        used_q[0] <= 1'b1;
                        if (lower[0]) begin
                            best_q[0 +: IN_BITS]   <= x_q;
                            place_q[0 +: OUT_BITS] <= index_1_q;
                        end
                    end
            end else begin : gen_tail
                always @(posedge clk)
                    if (en & valid_1_q) begin
                        used_q[j] <= used[j-1];
                        if (lower[j]) begin
                            best_q[j*IN_BITS +: IN_BITS] <=
                                lower[j-1] ? best_q[(j-1)*IN_BITS +: IN_BITS] : x_q;
                            place_q[j*OUT_BITS +: OUT_BITS] <=
                                lower[j-1] ? place_q[(j-1)*OUT_BITS +: OUT_BITS] : index_1_q;
                        end
                    end
            end
        end
    endgenerate

    hwc_slice #(.WIDTH(K*OUT_BITS), .PERIOD(COUNT)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(place_q), .s_valid(valid_2_q), .go(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
