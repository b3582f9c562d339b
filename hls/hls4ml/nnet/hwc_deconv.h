#ifndef HWC_DECONV_H_
#define HWC_DECONV_H_

// Transposed convolution: every output pixel gathers the input pixels that reach
// it, so that no inserted zero is multiplied. Sums may wrap in accum_t on the
// way: the total fits.

#include "ap_int.h"
#include "hls_stream.h"
#include "nnet_common.h"
#include "nnet_types.h"

namespace hwc {

struct deconv_config {
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
    static const unsigned groups = 1;
    static const unsigned reuse_factor = 1;
    typedef ap_int<32> accum_t;
    typedef ap_int<8> taps_t;
    typedef ap_int<8> offset_t;
};

// One output pixel; weights are ordered (filter, tap, channel of the group).
template <class data_T, class res_T, class CONFIG_T>
void deconv_pixel(data_T *data, res_T *res, unsigned oy, unsigned ox, typename CONFIG_T::taps_t *weights,
                  typename CONFIG_T::offset_t *biases) {
    #pragma HLS INLINE
    static const unsigned depth = CONFIG_T::n_chan / CONFIG_T::groups;
    static const unsigned rows = CONFIG_T::n_filt / CONFIG_T::groups;
    static const unsigned taps = CONFIG_T::kernel_height * CONFIG_T::kernel_width;
Filter:
    for (unsigned m = 0; m < CONFIG_T::n_filt; m++) {
        typename CONFIG_T::accum_t sum = biases[m];
    Tap:
        for (unsigned tap = 0; tap < taps; tap++) {
            const int y = (int)(oy + CONFIG_T::pad_top) -
                          (int)(tap / CONFIG_T::kernel_width * CONFIG_T::dilation_height);
            const int x = (int)(ox + CONFIG_T::pad_left) -
                          (int)(tap % CONFIG_T::kernel_width * CONFIG_T::dilation_width);
            const bool meets = y >= 0 && x >= 0 && y % (int)CONFIG_T::stride_height == 0 &&
                               x % (int)CONFIG_T::stride_width == 0 &&
                               y / (int)CONFIG_T::stride_height < (int)CONFIG_T::in_height &&
                               x / (int)CONFIG_T::stride_width < (int)CONFIG_T::in_width;
            if (meets) {
                const unsigned at = y / CONFIG_T::stride_height * CONFIG_T::in_width + x / CONFIG_T::stride_width;
                for (unsigned c = 0; c < depth; c++)
                    sum += data[at * CONFIG_T::n_chan + m / rows * depth + c] * weights[(m * taps + tap) * depth + c];
            }
        }
        res[m] = res_T(sum);
    }
}

template <class data_T, class res_T, class CONFIG_T>
void deconv(data_T *data, res_T *res, typename CONFIG_T::taps_t *weights, typename CONFIG_T::offset_t *biases) {
Row:
    for (unsigned oy = 0; oy < CONFIG_T::out_height; oy++) {
    Column:
        for (unsigned ox = 0; ox < CONFIG_T::out_width; ox++) {
            #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
            deconv_pixel<data_T, res_T, CONFIG_T>(data, res + (oy * CONFIG_T::out_width + ox) * CONFIG_T::n_filt, oy,
                                                  ox, weights, biases);
        }
    }
}

// The frame is held while its pixels are read several times.
template <class data_T, class res_T, class CONFIG_T>
void deconv(hls::stream<data_T> &data, hls::stream<res_T> &res, typename CONFIG_T::taps_t *weights,
            typename CONFIG_T::offset_t *biases) {
    typedef typename data_T::value_type x_T;
    typedef typename res_T::value_type y_T;
    x_T frame[CONFIG_T::in_height * CONFIG_T::in_width * CONFIG_T::n_chan];
Fill:
    for (unsigned i = 0; i < CONFIG_T::in_height * CONFIG_T::in_width; i++) {
        #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
        data_T in = data.read();
        for (unsigned c = 0; c < CONFIG_T::n_chan; c++) {
            #pragma HLS UNROLL
            frame[i * CONFIG_T::n_chan + c] = in[c];
        }
    }
Row:
    for (unsigned oy = 0; oy < CONFIG_T::out_height; oy++) {
    Column:
        for (unsigned ox = 0; ox < CONFIG_T::out_width; ox++) {
            #pragma HLS PIPELINE II=CONFIG_T::reuse_factor
            y_T pixel[CONFIG_T::n_filt];
            #pragma HLS ARRAY_PARTITION variable=pixel complete
            deconv_pixel<x_T, y_T, CONFIG_T>(frame, pixel, oy, ox, weights, biases);
            res_T out;
            for (unsigned m = 0; m < CONFIG_T::n_filt; m++) {
                #pragma HLS UNROLL
                out[m] = pixel[m];
            }
            res.write(out);
        }
    }
}

} // namespace hwc

#endif
