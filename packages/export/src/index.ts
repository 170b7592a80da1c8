export type { Activation, NetworkGraph, Node, Op, Pads, Weight } from './network/graph.js';
