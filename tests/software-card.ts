/** The driver of a graphics card in software that Debian's chromium brings: slow, and enough for tiny shapes. */
export const SOFTWARE_CARD = '/usr/lib/chromium/vk_swiftshader_icd.json';
