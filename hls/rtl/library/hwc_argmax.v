// Index of the largest of COUNT elements, one a beat; the first one on a tie.
//
// KIND of x: 0 unsigned, 1 signed, 2 bipolar.
// Contract: see hwc_skid. Timing: latency 3 from the last beat, one input beat
// a cycle; s_ready depends on registers only.
module hwc_argmax #(
    parameter IN_BITS  = 8,   // bits of an input element
    parameter KIND     = 1,   // of the input: 0 unsigned, 1 signed, 2 bipolar
    parameter COUNT    = 10,  // elements of a vector
    parameter OUT_BITS = 4    // bits of an index
) (
    input  wire                clk,
    input  wire                rst,
    input  wire [IN_BITS-1:0]  s_data,
    input  wire                s_valid,
    output wire                s_ready,
    output wire [OUT_BITS-1:0] m_data,
    output wire                m_valid,
    input  wire                m_ready
);
    localparam [31:0]         LAST_W = COUNT - 1;
    localparam [OUT_BITS-1:0] LAST   = LAST_W[OUT_BITS-1:0];

    reg [IN_BITS-1:0]  x_q;
    reg [IN_BITS-1:0]  best_q;
    reg [OUT_BITS-1:0] best_index_q;
    reg [OUT_BITS-1:0] index_q;    // of the arriving element
    reg [OUT_BITS-1:0] index_1_q;  // of x_q
    reg                valid_1_q, valid_2_q;

    wire en;
    wire larger;
    wire first = (index_1_q == {OUT_BITS{1'b0}});
    assign s_ready = en;

    generate
        if (KIND == 1) begin : gen_signed
            assign larger = ($signed(x_q) > $signed(best_q));
        end else begin : gen_unsigned
            assign larger = (x_q > best_q);
        end
    endgenerate

    always @(posedge clk)
        if (en) begin
            x_q       <= s_data;
            index_1_q <= index_q;
            if (valid_1_q & (first | larger)) begin
                best_q       <= x_q;
                best_index_q <= index_1_q;
            end
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

    hwc_slice #(.WIDTH(OUT_BITS), .PERIOD(COUNT)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(best_index_q), .s_valid(valid_2_q), .go(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
