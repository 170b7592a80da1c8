export { type Bank, type BankInfo, type BankLevel, type BankLevelInfo, readBank, writeBank } from './bank-format.js';
