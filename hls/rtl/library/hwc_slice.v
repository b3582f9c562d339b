// Output slice of a module that gives a result at most every PERIOD cycles:
// hwc_half where that is enough, else hwc_skid.
//
// Contract: see hwc_skid. `go` moves the pipeline in front: it is 0 only while
// a result waits for room, and depends on registers only as s_valid does.
module hwc_slice #(
    parameter WIDTH  = 8,  // bits of a beat
    parameter PERIOD = 1   // cycles from result to result, at least
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [WIDTH-1:0] s_data,
    input  wire             s_valid,
    output wire             go,
    output wire [WIDTH-1:0] m_data,
    output wire             m_valid,
    input  wire             m_ready
);
    wire room;

    generate
        if (PERIOD > 1) begin : gen_half
            hwc_half #(.WIDTH(WIDTH)) half (
                .clk(clk), .rst(rst),
                .s_data(s_data), .s_valid(s_valid), .s_ready(room),
                .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
            );
            // The entry fills and empties while nothing waits behind it.
            assign go = room | ~s_valid;
        end else begin : gen_full
            hwc_skid #(.WIDTH(WIDTH)) skid (
                .clk(clk), .rst(rst),
                .s_data(s_data), .s_valid(s_valid), .s_ready(room),
                .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
            );
            assign go = room;
        end
    endgenerate
endmodule
