// First-in first-out buffer of DEPTH beats (DEPTH >= 2), plus three in its
// output registers.
//
// Contract: see hwc_skid. Timing: latency 3, one beat a cycle; s_ready depends
// on registers only. The memory has one write and one registered read port.
module hwc_fifo #(
    parameter WIDTH = 8,
    parameter DEPTH = 16
) (
    input  wire             clk,
    input  wire             rst,
    input  wire [WIDTH-1:0] s_data,
    input  wire             s_valid,
    output wire             s_ready,
    output wire [WIDTH-1:0] m_data,
    output wire             m_valid,
    input  wire             m_ready
);
    localparam        AW       = $clog2(DEPTH);
    localparam        CW       = $clog2(DEPTH + 1);
    localparam [31:0] DEPTH_W  = DEPTH;
    localparam [31:0] LAST_W   = DEPTH - 1;
    localparam [CW-1:0] FULL   = DEPTH_W[CW-1:0];
    localparam [AW-1:0] LAST   = LAST_W[AW-1:0];

    reg [WIDTH-1:0] memory [0:DEPTH-1];
    reg [AW-1:0]    wr_q;
    reg [AW-1:0]    rd_q;
    reg [CW-1:0]    count_q;
    reg [WIDTH-1:0] read_q;
    reg             read_valid_q;

    wire en;
    wire write = s_valid & s_ready;
    wire read  = en & (count_q != {CW{1'b0}});

    assign s_ready = (count_q != FULL);

    always @(posedge clk) begin
        if (write)
            memory[wr_q] <= s_data;
        if (en)
            read_q <= memory[rd_q];
    end

    always @(posedge clk) begin
        if (rst) begin
            wr_q         <= {AW{1'b0}};
            rd_q         <= {AW{1'b0}};
            count_q      <= {CW{1'b0}};
            read_valid_q <= 1'b0;
        end else begin
            if (write)
                wr_q <= (wr_q == LAST) ? {AW{1'b0}} : wr_q + 1'b1;
            if (read)
                rd_q <= (rd_q == LAST) ? {AW{1'b0}} : rd_q + 1'b1;
            if (write & ~read)
                count_q <= count_q + 1'b1;
            else if (read & ~write)
                count_q <= count_q - 1'b1;
            if (en)
                read_valid_q <= read;
        end
    end

    hwc_skid #(.WIDTH(WIDTH)) out_slice (
        .clk(clk), .rst(rst),
        .s_data(read_q), .s_valid(read_valid_q), .s_ready(en),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
