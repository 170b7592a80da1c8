// A module of its own: bundlers run a CommonJS package where it is imported, after the modules that are imported there,
// and tsyringe asks for this one as soon as it runs.
import 'reflect-metadata';
