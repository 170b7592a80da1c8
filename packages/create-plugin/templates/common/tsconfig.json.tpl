{
  "compilerOptions": { "target": "ES2023", "module": "NodeNext", "strict": true, "declaration": true, "rootDir": "src", "outDir": "dist", "types": [], "skipLibCheck": true },
  "include": ["src"],
  "exclude": ["src/**/*.test.ts"]
}
