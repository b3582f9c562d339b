// Whose turn it is: one of COUNT bits is 1, bit 0 for BEATS[0] steps, then bit 1
// for BEATS[1], ..., and again. LONGEST is the largest of them. Not a stream:
// `turn` is a register.
module hwc_turn #(
    parameter COUNT = 2,    // places
    parameter LONGEST = 2,  // largest of BEATS
    parameter [COUNT*32-1:0] BEATS = 64'h0000_0002_0000_0001  // steps of every place, 32 bits each
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             step,
    output wire [COUNT-1:0] turn
);
    reg [COUNT-1:0] turn_q;
    wire            last;

    assign turn = turn_q;

    always @(posedge clk) begin
        if (rst)
            turn_q <= {{(COUNT-1){1'b0}}, 1'b1};
        else if (step & last)
            turn_q <= {turn_q[COUNT-2:0], turn_q[COUNT-1]};
    end

    genvar i;
    generate
        if (LONGEST == 1) begin : gen_single
            assign last = 1'b1;
        end else begin : gen_count
            localparam CW = $clog2(LONGEST);
            reg [CW-1:0]     beat_q;
            wire [COUNT-1:0] ends;
            for (i = 0; i < COUNT; i = i + 1) begin : gen_end
                localparam [31:0] LAST_W = BEATS[i*32 +: 32] - 1;
                assign ends[i] = turn_q[i] & (beat_q == LAST_W[CW-1:0]);
            end
            assign last = |ends;
            always @(posedge clk) begin
                if (rst)
                    beat_q <= {CW{1'b0}};
                else if (step)
                    beat_q <= last ? {CW{1'b0}} : beat_q + 1'b1;
            end
        end
    endgenerate
endmodule
