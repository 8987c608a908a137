// Braille's empty cell and the interlinear marks draw nothing either, though Unicode does not call them ignorable.
const invisible = /[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{M}\p{Cc}\u2800\ufff9-\ufffb]/gu

/**
 * Whether a text has a character that can be seen by itself.
 *
 * White space, joiners, direction marks, fillers and combining marks without a letter leave a blank.
 */
export const hasVisible = (text: string): boolean => text.replace(invisible, '') !== ''
