// Weights of an engine: read only (RELOAD = 0, see hwc_rom), or a memory that can
// also be written.
//
// STYLE: "auto", "logic", "distributed" or "block". TABLE: hex file with the first
// contents. data is the word under addr of the last cycle with en. A word under
// load_addr is replaced in a cycle with load_en; to read it in the same cycle
// gives the old or the new one.
/* verilator lint_off UNUSEDPARAM */  // STYLE is for synthesis tools
module hwc_weights #(
    parameter WIDTH  = 8,       // bits of a word
    parameter DEPTH  = 16,      // words
    parameter RELOAD = 0,       // 1: can be written
    parameter STYLE  = "auto",  // auto, logic, distributed or block
    parameter TABLE  = ""       // hex file of the first contents
) (
    input  wire                                         clk,
    input  wire                                         en,
    input  wire [((DEPTH > 1) ? $clog2(DEPTH) : 1)-1:0] addr,
    output wire [WIDTH-1:0]                             data,
    input  wire                                         load_en,
    input  wire [((DEPTH > 1) ? $clog2(DEPTH) : 1)-1:0] load_addr,
    input  wire [WIDTH-1:0]                             load_data
);
    generate
        if (RELOAD == 0) begin : gen_rom
            hwc_rom #(.WIDTH(WIDTH), .DEPTH(DEPTH), .STYLE(STYLE), .TABLE(TABLE)) fixed (
                .clk(clk), .en(en), .addr(addr), .data(data)
            );
            wire unused = &{1'b0, load_en, load_addr, load_data};
        end else begin : gen_ram
            (* ram_style = STYLE *)
            reg [WIDTH-1:0] ram [0:DEPTH-1];
            reg [WIDTH-1:0] data_q;
            assign data = data_q;
            if (TABLE != "") begin : gen_contents
                initial $readmemh(TABLE, ram);
            end
            always @(posedge clk) begin
                if (load_en)
                    ram[load_addr] <= load_data;
                if (en)
                    data_q <= ram[addr];
            end
        end
    endgenerate
endmodule
/* verilator lint_on UNUSEDPARAM */
