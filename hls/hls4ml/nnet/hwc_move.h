#ifndef HWC_MOVE_H_
#define HWC_MOVE_H_

// Operations that only move integers: pick (some channels of every position, in
// any order), upsample (nearest neighbour), gather (any order of a frame). As
// streams the input arrives in packs of its channels.

#include "ap_int.h"
#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_types.h"

namespace hwc {

struct pick_config {
    static const unsigned n_positions = 1; // product of all axes but the last
    static const unsigned n_chan = 1;      // channels of the input
    static const unsigned n_out = 1;       // channels of the output
    static const unsigned reuse_factor = 1;
    typedef ap_uint<8> choice_t;
};

template <class data_T, class res_T, class CONFIG_T>
void pick(data_T *data, res_T *res, typename CONFIG_T::choice_t *choice) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    #pragma HLS ARRAY_PARTITION variable=choice complete
Position:
    for (unsigned i = 0; i < CONFIG_T::n_positions; i++) {
        #pragma HLS UNROLL
        for (unsigned c = 0; c < CONFIG_T::n_out; c++)
            res[i * CONFIG_T::n_out + c] = data[i * CONFIG_T::n_chan + choice[c].to_uint()];
    }
}

template <class data_T, class res_T, class CONFIG_T>
void pick(hls::stream<data_T> &data, hls::stream<res_T> &res, typename CONFIG_T::choice_t *choice) {
    #pragma HLS ARRAY_PARTITION variable=choice complete
Position:
    for (unsigned i = 0; i < CONFIG_T::n_positions; i++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        data_T in = data.read();
        res_T out;
        for (unsigned c = 0; c < CONFIG_T::n_out; c++) {
            #pragma HLS UNROLL
            out[c] = in[choice[c].to_uint()];
        }
        res.write(out);
    }
}

struct upsample_config {
    static const unsigned in_height = 1;
    static const unsigned in_width = 1;
    static const unsigned n_chan = 1;
    static const unsigned factor_height = 1;
    static const unsigned factor_width = 1;
    static const unsigned reuse_factor = 1;
};

template <class data_T, class res_T, class CONFIG_T> void upsample(data_T *data, res_T *res) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    static const unsigned width = CONFIG_T::in_width * CONFIG_T::factor_width;
Row:
    for (unsigned y = 0; y < CONFIG_T::in_height * CONFIG_T::factor_height; y++) {
        #pragma HLS UNROLL
    Column:
        for (unsigned x = 0; x < width; x++) {
            #pragma HLS UNROLL
            const unsigned from = y / CONFIG_T::factor_height * CONFIG_T::in_width + x / CONFIG_T::factor_width;
            for (unsigned c = 0; c < CONFIG_T::n_chan; c++)
                res[(y * width + x) * CONFIG_T::n_chan + c] = data[from * CONFIG_T::n_chan + c];
        }
    }
}

template <class data_T, class res_T, class CONFIG_T>
void upsample(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    data_T row[CONFIG_T::in_width];
Row:
    for (unsigned y = 0; y < CONFIG_T::in_height; y++) {
    Again:
        for (unsigned again = 0; again < CONFIG_T::factor_height; again++) {
        Column:
            for (unsigned x = 0; x < CONFIG_T::in_width; x++) {
            Repeat:
                for (unsigned repeat = 0; repeat < CONFIG_T::factor_width; repeat++) {
                    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
                    if (again == 0 && repeat == 0)
                        row[x] = data.read();
                    data_T in = row[x];
                    res_T out;
                    for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                        #pragma HLS UNROLL
                        out[c] = in[c];
                    }
                    res.write(out);
                }
            }
        }
    }
}

struct gather_config {
    static const unsigned n_in = 1; // elements of a frame
    static const unsigned reuse_factor = 1;
    typedef ap_uint<16> choice_t;
};

// res[i] = data[choice[i]]
template <class data_T, class res_T, class CONFIG_T>
void gather(data_T *data, res_T *res, typename CONFIG_T::choice_t *choice) {
    #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
    #pragma HLS ARRAY_PARTITION variable=choice complete
Element:
    for (unsigned i = 0; i < CONFIG_T::n_in; i++) {
        #pragma HLS UNROLL
        res[i] = data[choice[i].to_uint()];
    }
}

// A whole frame is held: the first element of the result may be the last to come.
template <class data_T, class res_T, class CONFIG_T>
void gather(hls::stream<data_T> &data, hls::stream<res_T> &res, typename CONFIG_T::choice_t *choice) {
    typename data_T::value_type frame[CONFIG_T::n_in];
Fill:
    for (unsigned i = 0; i < CONFIG_T::n_in; i += data_T::size) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        data_T in = data.read();
        for (unsigned c = 0; c < data_T::size; c++) {
            #pragma HLS UNROLL
            frame[i + c] = in[c];
        }
    }
Drain:
    for (unsigned i = 0; i < CONFIG_T::n_in; i += res_T::size) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        res_T out;
        for (unsigned c = 0; c < res_T::size; c++) {
            #pragma HLS UNROLL
            out[c] = frame[choice[i + c].to_uint()];
        }
        res.write(out);
    }
}

} // namespace hwc

#endif
