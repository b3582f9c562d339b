// Reordering of the elements of a beat: element i is element ORDER[i] of the
// input (16 bits each, element 0 lowest).
//
// Wires only, in both directions; the one module that joins its two sides
// directly. It stands between modules that end in registers.
module hwc_wires #(
    parameter LANES = 2,                // elements of a beat
    parameter BITS  = 1,                // bits of an element
    parameter [LANES*16-1:0] ORDER = 1  // source of every element, 16 bits each
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire [LANES*BITS-1:0] s_data,
    input  wire                  s_valid,
    output wire                  s_ready,
    output wire [LANES*BITS-1:0] m_data,
    output wire                  m_valid,
    input  wire                  m_ready
);
    assign m_valid = s_valid;
    assign s_ready = m_ready;
    wire unused = &{1'b0, clk, rst};

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : gen_lane
            localparam [15:0] FROM = ORDER[i*16 +: 16];
            assign m_data[i*BITS +: BITS] = s_data[FROM*BITS +: BITS];
        end
    endgenerate
endmodule
