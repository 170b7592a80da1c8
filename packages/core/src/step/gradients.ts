/**
 * TensorFlow.js' core comes without gradients, and on Node its own list of them cannot be imported (an ES module in a
 * CommonJS package); the layers package registers them when it is loaded.
 */
import '@tensorflow/tfjs-layers';
import { correctStockGradients } from './stock-gradients.js';

correctStockGradients();
