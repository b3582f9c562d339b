#ifndef HWC_WINDOW_H_
#define HWC_WINDOW_H_

// Operations over sliding windows that stock hls4ml lacks or does inexactly:
// convolution with groups, dilation or a padding value other than zero; sum
// pooling; maximum pooling with padding or overlapping windows.
//
// A padded element has the value CONFIG_T::pad_value, and window_t holds it
// besides every input value. OP::pixel() turns the window (taps x channels,
// channels fastest) into one output pixel. sweep() moves the window over an
// array (io_parallel), or over a stream with line buffers (io_stream).

#include "ap_int.h"
#include "ap_shift_reg.h"
#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_conv_stream.h"
#include "nnet_types.h"

namespace hwc {

struct window_config {
    static const unsigned in_height = 1;
    static const unsigned in_width = 1;
    static const unsigned n_chan = 1;
    static const unsigned out_height = 1;
    static const unsigned out_width = 1;
    static const unsigned n_filt = 1;
    static const unsigned kernel_height = 1;
    static const unsigned kernel_width = 1;
    static const unsigned stride_height = 1;
    static const unsigned stride_width = 1;
    static const unsigned dilation_height = 1;
    static const unsigned dilation_width = 1;
    static const unsigned pad_top = 0;
    static const unsigned pad_left = 0;
    static const unsigned pad_bottom = 0;
    static const unsigned pad_right = 0;
    static const unsigned groups = 1;
    static const unsigned reuse_factor = 1;
    static const long long pad_value = 0;
    typedef ap_int<16> window_t;
    typedef ap_int<32> accum_t;
    typedef ap_int<8> weight_t;
    typedef ap_int<8> bias_t;
};

template <class CONFIG_T> struct geometry {
    static const unsigned taps = CONFIG_T::kernel_height * CONFIG_T::kernel_width;
    static const unsigned reach_height = CONFIG_T::dilation_height * (CONFIG_T::kernel_height - 1) + 1;
    static const unsigned reach_width = CONFIG_T::dilation_width * (CONFIG_T::kernel_width - 1) + 1;
    static const unsigned padded_height = CONFIG_T::in_height + CONFIG_T::pad_top + CONFIG_T::pad_bottom;
    static const unsigned padded_width = CONFIG_T::in_width + CONFIG_T::pad_left + CONFIG_T::pad_right;
};

// The names that nnet::shift_line_buffer reads.
template <class CONFIG_T> struct buffer_config {
    static const unsigned in_width = geometry<CONFIG_T>::padded_width;
    static const unsigned n_chan = CONFIG_T::n_chan;
    static const unsigned filt_height = geometry<CONFIG_T>::reach_height;
    static const unsigned filt_width = geometry<CONFIG_T>::reach_width;
};

template <class OP, class data_T, class res_T, class CONFIG_T, class... TABLE>
void sweep(data_T data[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::n_chan],
           res_T res[CONFIG_T::out_height * CONFIG_T::out_width * CONFIG_T::n_filt], TABLE *...tables) {
    typedef typename CONFIG_T::window_t window_T;
    static const unsigned taps = geometry<CONFIG_T>::taps;
Row:
    for (unsigned oy = 0; oy < CONFIG_T::out_height; oy++) {
    Column:
        for (unsigned ox = 0; ox < CONFIG_T::out_width; ox++) {
            #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
            window_T window[taps * CONFIG_T::n_chan];
            #pragma HLS ARRAY_PARTITION variable=window complete
        Tap:
            for (unsigned tap = 0; tap < taps; tap++) {
                const int y = (int)(oy * CONFIG_T::stride_height +
                                    tap / CONFIG_T::kernel_width * CONFIG_T::dilation_height) -
                              (int)CONFIG_T::pad_top;
                const int x = (int)(ox * CONFIG_T::stride_width +
                                    tap % CONFIG_T::kernel_width * CONFIG_T::dilation_width) -
                              (int)CONFIG_T::pad_left;
                const bool inside =
                    y >= 0 && y < (int)CONFIG_T::in_height && x >= 0 && x < (int)CONFIG_T::in_width;
            Channel:
                for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                    if (inside)
                        window[tap * CONFIG_T::n_chan + c] = data[(y * CONFIG_T::in_width + x) * CONFIG_T::n_chan + c];
                    else
                        window[tap * CONFIG_T::n_chan + c] = window_T(CONFIG_T::pad_value);
                }
            }
            OP::template pixel<res_T, CONFIG_T>(
                window, &res[(oy * CONFIG_T::out_width + ox) * CONFIG_T::n_filt], tables...);
        }
    }
}

template <class OP, class data_T, class res_T, class CONFIG_T, class... TABLE>
void sweep(hls::stream<data_T> &data, hls::stream<res_T> &res, TABLE *...tables) {
    typedef typename CONFIG_T::window_t window_T;
    typedef geometry<CONFIG_T> G;
    typedef nnet::array<window_T, CONFIG_T::n_chan> pixel_T;

    // What an earlier frame left in the buffers is shifted out before the
    // first window of a frame is complete.
    static ap_shift_reg<window_T, G::padded_width> lines[MAX(G::reach_height - 1, 1)][CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=lines complete dim=2
    static window_T reach[G::reach_height * G::reach_width * CONFIG_T::n_chan];
    #pragma HLS ARRAY_PARTITION variable=reach complete
Row:
    for (unsigned y = 0; y < G::padded_height; y++) {
    Column:
        for (unsigned x = 0; x < G::padded_width; x++) {
            #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
            pixel_T in;
            const bool inside = y >= CONFIG_T::pad_top && y < CONFIG_T::pad_top + CONFIG_T::in_height &&
                                x >= CONFIG_T::pad_left && x < CONFIG_T::pad_left + CONFIG_T::in_width;
            if (inside) {
                data_T pack = data.read();
                for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                    #pragma HLS UNROLL
                    in[c] = pack[c];
                }
            } else {
                for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
                    #pragma HLS UNROLL
                    in[c] = window_T(CONFIG_T::pad_value);
                }
            }
            nnet::shift_line_buffer<pixel_T, buffer_config<CONFIG_T>>(in, lines, reach);

            const bool complete = y + 1 >= G::reach_height && x + 1 >= G::reach_width;
            if (complete && (y + 1 - G::reach_height) % CONFIG_T::stride_height == 0 &&
                (x + 1 - G::reach_width) % CONFIG_T::stride_width == 0) {
                window_T window[G::taps * CONFIG_T::n_chan];
                #pragma HLS ARRAY_PARTITION variable=window complete
            Tap:
                for (unsigned tap = 0; tap < G::taps; tap++) {
                    const unsigned at = tap / CONFIG_T::kernel_width * CONFIG_T::dilation_height * G::reach_width +
                                        tap % CONFIG_T::kernel_width * CONFIG_T::dilation_width;
                    for (unsigned c = 0; c < CONFIG_T::n_chan; c++)
                        window[tap * CONFIG_T::n_chan + c] = reach[at * CONFIG_T::n_chan + c];
                }
                typename res_T::value_type pixel[CONFIG_T::n_filt];
                #pragma HLS ARRAY_PARTITION variable=pixel complete
                OP::template pixel<typename res_T::value_type, CONFIG_T>(window, pixel, tables...);
                res_T out;
                for (unsigned c = 0; c < CONFIG_T::n_filt; c++) {
                    #pragma HLS UNROLL
                    out[c] = pixel[c];
                }
                res.write(out);
            }
        }
    }
}

struct max_op {
    template <class res_T, class CONFIG_T> static void pixel(typename CONFIG_T::window_t *window, res_T *res) {
        #pragma HLS INLINE
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            typename CONFIG_T::window_t best = window[c];
            for (unsigned tap = 1; tap < geometry<CONFIG_T>::taps; tap++) {
                if (window[tap * CONFIG_T::n_chan + c] > best)
                    best = window[tap * CONFIG_T::n_chan + c];
            }
            res[c] = res_T(best);
        }
    }
};

struct sum_op {
    template <class res_T, class CONFIG_T> static void pixel(typename CONFIG_T::window_t *window, res_T *res) {
        #pragma HLS INLINE
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            typename CONFIG_T::accum_t sum = 0;
            for (unsigned tap = 0; tap < geometry<CONFIG_T>::taps; tap++)
                sum += window[tap * CONFIG_T::n_chan + c];
            res[c] = res_T(sum);
        }
    }
};

// weights are ordered (filter, tap, channel of the group)
struct conv_op {
    template <class res_T, class CONFIG_T>
    static void pixel(typename CONFIG_T::window_t *window, res_T *res, typename CONFIG_T::weight_t *weights,
                      typename CONFIG_T::bias_t *biases) {
        #pragma HLS INLINE
        static const unsigned depth = CONFIG_T::n_chan / CONFIG_T::groups;
        static const unsigned rows = CONFIG_T::n_filt / CONFIG_T::groups;
        static const unsigned taps = geometry<CONFIG_T>::taps;
        for (unsigned m = 0; m < CONFIG_T::n_filt; m++) {
            const unsigned first = m / rows * depth;
            typename CONFIG_T::accum_t sum = biases[m];
            for (unsigned tap = 0; tap < taps; tap++) {
                for (unsigned c = 0; c < depth; c++)
                    sum += window[tap * CONFIG_T::n_chan + first + c] * weights[(m * taps + tap) * depth + c];
            }
            res[m] = res_T(sum);
        }
    }
};

template <class data_T, class res_T, class CONFIG_T> void max_pool(data_T *data, res_T *res) {
    sweep<max_op, data_T, res_T, CONFIG_T>(data, res);
}
template <class data_T, class res_T, class CONFIG_T>
void max_pool(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    sweep<max_op, data_T, res_T, CONFIG_T>(data, res);
}

template <class data_T, class res_T, class CONFIG_T> void sum_pool(data_T *data, res_T *res) {
    sweep<sum_op, data_T, res_T, CONFIG_T>(data, res);
}
template <class data_T, class res_T, class CONFIG_T>
void sum_pool(hls::stream<data_T> &data, hls::stream<res_T> &res) {
    sweep<sum_op, data_T, res_T, CONFIG_T>(data, res);
}

template <class data_T, class res_T, class CONFIG_T>
void correlation(data_T *data, res_T *res, typename CONFIG_T::weight_t *weights, typename CONFIG_T::bias_t *biases) {
    sweep<conv_op, data_T, res_T, CONFIG_T>(data, res, weights, biases);
}
template <class data_T, class res_T, class CONFIG_T>
void correlation(hls::stream<data_T> &data, hls::stream<res_T> &res, typename CONFIG_T::weight_t *weights,
                 typename CONFIG_T::bias_t *biases) {
    sweep<conv_op, data_T, res_T, CONFIG_T>(data, res, weights, biases);
}

} // namespace hwc

#endif
