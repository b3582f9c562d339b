// Read-only memory with a registered output. DEPTH words of WIDTH bits.
//
// A module of its own for the sake of area: where a memory becomes logic, Yosys
// maps one LUT a bit and 64 words as long as nothing else is in the module, and
// up to three as soon as deeper logic beside it lets the mapper trade depth for
// (supposed) sharing.
//
// STYLE: "auto", "logic", "distributed" or "block", as tools understand it.
// TABLE: hex file. Not a stream: data is the word under addr of the last cycle
// with en. Without a file (a module elaborated on its own) it stays undefined.
/* verilator lint_off UNUSEDPARAM */  // STYLE is for synthesis tools
module hwc_rom #(
    parameter WIDTH = 8,       // bits of a word
    parameter DEPTH = 16,      // words
    parameter STYLE = "auto",  // auto, logic, distributed or block
    parameter TABLE = ""       // hex file
) (
    input  wire                                          clk,
    input  wire                                          en,
    input  wire [((DEPTH > 1) ? $clog2(DEPTH) : 1)-1:0]  addr,
    output wire [WIDTH-1:0]                              data
);
    /* verilator lint_off UNDRIVEN */
    (* rom_style = STYLE *)
    reg [WIDTH-1:0] rom [0:DEPTH-1];
    /* verilator lint_on UNDRIVEN */
    reg [WIDTH-1:0] data_q;

    assign data = data_q;

    generate
        if (TABLE != "") begin : gen_contents
            initial $readmemh(TABLE, rom);
        end
    endgenerate

    always @(posedge clk)
        if (en)
            data_q <= rom[addr];
endmodule
/* verilator lint_on UNUSEDPARAM */
